"""Export a bundle as one ONNX graph from waveform to prediction, for programs without auricle.

``export`` writes the graph with its card, ``graph`` builds it, and ``verification`` compares it with the bundle. The
other modules write parts of it: ``rows``, ``blocks``, ``frame_features``, ``spectrum``, ``pooling`` and ``modulation``
the features, ``outputs`` the model's outputs, calibration and novelty.
"""
