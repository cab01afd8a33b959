"""Whether a model still hears what it was made for: drift, its causes, quality with labels and without, a verdict."""
