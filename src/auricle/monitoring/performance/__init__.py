"""Performance with labels and without, and concept drift."""
