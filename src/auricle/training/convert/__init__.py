"""Fitted estimators become ONNX graphs; the only place that imports skl2onnx."""
