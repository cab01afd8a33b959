"""Prediction over many files: worker processes, resumable output, shards."""
