"""Retraining and repeated monitoring beside the server: challengers, their promotion, and the watch loop."""
