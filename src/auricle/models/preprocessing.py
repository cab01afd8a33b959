"""Preprocessing transformers: column selection, and standardisation with clipping."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["SelectColumns", "Standardize"]


class SelectColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Select columns, in the given order.

    Parameters
    ----------
    indices : sequence of int
        Zero-based.
    """

    def __init__(self, indices: Sequence[int]) -> None:
        self.indices = indices

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: ARG002  (scikit-learn's signature)
        """Check that the columns exist in rows ``X``, shape (n, d)."""
        X = validate_data(self, X, dtype=np.float32)
        self.indices_ = np.asarray(self.indices, np.int64)
        if self.indices_.size == 0 or self.indices_.min() < 0 or self.indices_.max() >= X.shape[1]:
            raise ValueError(f"`indices` must name columns from 0 to {X.shape[1] - 1}, at least one of them.")
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the selected columns, float32, shape (n, len(indices))."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return np.ascontiguousarray(X[:, self.indices_])


class Standardize(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Standardise columns to zero mean and unit deviation, and clip.

    Two differences from scikit-learn's ``StandardScaler``: arithmetic is float32, operation for operation as in the
    ONNX graph, for the same bits; and values are clipped, so that a column that hardly varied in training cannot
    dominate a prediction.

    Parameters
    ----------
    limit : float
        Largest absolute value, in standard deviations of the training rows.
    """

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: ARG002  (scikit-learn's signature)
        """Compute mean and deviation of each column of ``X``, shape (n, d)."""
        X = validate_data(self, X, dtype=np.float32)
        deviation = X.std(axis=0, dtype=np.float64)
        self.mean_ = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        # A constant column becomes 0.
        self.inverse_deviation_ = np.divide(
            1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9
        ).astype(np.float32)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the standardised rows, float32, shape (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        scaled = (X - self.mean_) * self.inverse_deviation_
        return np.asarray(np.clip(scaled, np.float32(-self.limit), np.float32(self.limit)))
