"""Read, write and check bundles: a bundle is one file that holds all that a model needs to predict.

``bundle`` is the file's content, ``container`` its zip archive, ``manifest`` its settings, ``card`` and
``external_metadata`` its texts for people and other tools. ``graph`` runs the model and ``aggregation`` turns its
outputs into predictions; ``novelty`` and ``profile`` hold the statistics of the training data, and ``self_test`` checks
that this machine computes the same as training. ``graph_builder`` builds ONNX graphs.
"""
