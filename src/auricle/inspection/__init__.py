"""Inspection of a dataset before training: contents, sound quality, leakage between splits, and confounders."""
