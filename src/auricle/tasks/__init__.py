"""The tasks that a model may be trained for, and the facts of each."""
