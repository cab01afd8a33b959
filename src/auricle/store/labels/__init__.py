"""Labels: feedback on predictions, its matching to recordings, and the review queue."""
