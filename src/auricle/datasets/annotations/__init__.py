"""Annotations: read the marks that Raven, Audacity, Praat and other programs write for stretches of recordings."""
