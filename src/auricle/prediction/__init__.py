"""The using wing: answers for files, folders and streams, through onnxruntime only."""
