"""A choice among the columns of a row: what a family that needs few of them is given."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["Columns"]


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Keep some columns, in the order given.

    Parameters
    ----------
    indices : places of the columns, from 0
    """

    def __init__(self, indices: Sequence[int]) -> None:
        self.indices = indices

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: ARG002  (scikit-learn's signature)
        """Check that rows ``X``, shape (n, d), have the columns."""
        X = validate_data(self, X, dtype=np.float32)
        self.indices_ = np.asarray(self.indices, np.int64)
        if self.indices_.size == 0 or self.indices_.min() < 0 or self.indices_.max() >= X.shape[1]:
            raise ValueError(f"`indices` must name columns from 0 to {X.shape[1] - 1}, at least one of them.")
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the columns kept, float32, shape (n, len(indices))."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return np.ascontiguousarray(X[:, self.indices_])
