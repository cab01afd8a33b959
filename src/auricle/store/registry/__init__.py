"""The model registry: bundles, the champion, and every retraining."""
