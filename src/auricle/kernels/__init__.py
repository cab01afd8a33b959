"""Compiled signal processing on 16 frames at once, one per SIMD lane: from samples to spectra and statistics."""
