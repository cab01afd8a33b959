"""Convolutional networks on log-mel images: scikit-learn estimators trained with torch."""
