"""Labelled sound, split so that nothing leaks."""
