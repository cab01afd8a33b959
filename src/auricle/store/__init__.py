"""The database of a service: predictions, labels, the model registry and API keys, on SQLite or PostgreSQL."""
