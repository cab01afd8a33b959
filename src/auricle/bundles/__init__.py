"""The door between learning and using: one file that holds all that a model needs."""
