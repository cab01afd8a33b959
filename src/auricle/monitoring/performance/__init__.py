"""Performance of a model on live recordings, estimated without labels and measured with them; concept drift."""
