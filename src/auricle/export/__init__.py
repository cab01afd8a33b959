"""Export: one ONNX graph from waveform to answer, for programs that have nothing of auricle's."""
