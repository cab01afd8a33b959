"""Scaling of rows before models that compare columns with each other."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["Standardize"]


class Standardize(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Subtract each column's mean, divide by its deviation, and clip.

    scikit-learn's ``StandardScaler`` with two differences: the arithmetic is float32, operation for operation what the
    ONNX graph does, so both give the same bits; and values are clipped, so that a column that hardly varied in training
    cannot dominate a live answer.

    Parameters
    ----------
    limit : largest absolute value let through, in deviations of the training rows
    """

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: ARG002  (scikit-learn's signature)
        """Learn mean and deviation of each column of ``X``, shape (n, d)."""
        X = validate_data(self, X, dtype=np.float32)
        deviation = X.std(axis=0, dtype=np.float64)
        self.mean_ = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        # A column that never varied carries nothing: it becomes 0, not a division by zero.
        self.inverse_deviation_ = np.divide(
            1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9
        ).astype(np.float32)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the scaled rows, float32, shape (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        scaled = (X - self.mean_) * self.inverse_deviation_
        return np.asarray(np.clip(scaled, np.float32(-self.limit), np.float32(self.limit)))
