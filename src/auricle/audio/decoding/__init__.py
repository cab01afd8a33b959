"""Decoders: which one reads a file whole, the layouts of containers, and libsndfile and FFmpeg behind one interface."""
