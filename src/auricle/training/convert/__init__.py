"""Conversion of fitted estimators to ONNX graphs; the only place that imports skl2onnx."""
