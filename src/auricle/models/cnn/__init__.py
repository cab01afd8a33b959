"""Convolutional networks on log-mel images: scikit-learn estimators that torch trains and anything can run."""
