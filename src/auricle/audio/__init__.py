"""Audio input: decode, mix down, resample, cut into windows, and measure recording quality."""
