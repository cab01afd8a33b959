"""Tests for drift between the monitored recordings and training."""
