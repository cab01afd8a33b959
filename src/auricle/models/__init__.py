"""Families of models: arrays in, scikit-learn conventions, one table."""
