"""The log of predictions: written, read by page, scanned as arrays, and retired."""
