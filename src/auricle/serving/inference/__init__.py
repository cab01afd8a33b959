"""Predict strangers' sound within limits: admission, cost, memory, the active model, sounds and streams."""
