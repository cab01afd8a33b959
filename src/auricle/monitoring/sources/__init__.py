"""Recordings to monitor, from files or from the store, as arrays."""
