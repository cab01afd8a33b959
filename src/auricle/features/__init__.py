"""Numbers out: a window becomes a row of named columns or an image."""
