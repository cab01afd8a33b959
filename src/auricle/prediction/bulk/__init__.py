"""Predict many files: input lists, worker processes, rendered output, resumable files and cluster shards."""
