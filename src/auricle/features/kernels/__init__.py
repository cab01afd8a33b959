"""The compiled arithmetic of the features: frames side by side in SIMD lanes, from samples to statistics."""
