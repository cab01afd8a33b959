"""Datasets: load labelled recordings, split them by group, and compute their features."""
