"""Labels: feedback on predictions, label tracks matched to predictions, and the review queue."""
