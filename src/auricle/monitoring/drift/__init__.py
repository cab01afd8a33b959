"""Drift tests of live recordings against the training data."""
