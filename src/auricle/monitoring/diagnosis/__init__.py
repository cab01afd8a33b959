"""What changed, since when and where."""
