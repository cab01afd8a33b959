"""Decode untrusted sound in sandboxed processes."""
