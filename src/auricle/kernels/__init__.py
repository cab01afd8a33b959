"""Compiled arithmetic on sound: frames side by side in SIMD lanes, from samples to statistics."""
