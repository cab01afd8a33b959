"""The log of predictions: write, read by page, scan as arrays, apply retention."""
