"""Nested cross-validated model selection: candidates, folds, racing, tuning."""
