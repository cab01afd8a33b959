"""The model registry: bundles, champion and challenger aliases, and the log of retrainings."""
