"""Training: recordings and labels in; a scored, converted and packed model, and its report, out."""
