"""Decoding of untrusted sound in limited processes."""
