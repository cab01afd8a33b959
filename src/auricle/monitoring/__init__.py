"""Monitoring of a model in use: drift, its causes, performance with labels and without, a verdict."""
