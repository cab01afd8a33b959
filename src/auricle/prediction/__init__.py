"""Predict files, folders and streams with a loaded model, through onnxruntime only.

``predictor`` is the entry point, ``stream`` the computation, ``events`` the event detection. ``request``, ``formats``
and ``log_entries`` say what is requested, written and logged; ``consistency`` compares all routes. ``bulk`` predicts
many files, ``live`` reads microphones and pipes, and ``pyfunc`` is for MLflow.
"""
