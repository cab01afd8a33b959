"""Embeddings: frozen pretrained models as feature blocks."""
