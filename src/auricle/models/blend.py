"""A blend: the weighted mean of what a few models say, with weights fitted on answers to recordings they left out."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from auricle.models.family import fit_weighted

__all__ = ["BLEND", "FLOOR", "BlendClassifier", "BlendRegressor", "classifier_weights", "regressor_weights"]

BLEND = "blend"
"""What a blend is called, beside the families of the table."""

FLOOR = 1e-4
"""Smallest probability that a logarithm is taken of."""

_NEGLIGIBLE = 0.02  # a member of less weight costs time and changes nothing


def classifier_weights(logs: Sequence[NDArray[np.float64]], truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return weights, none negative, that sum to 1 and minimise the log loss of the blended answers.

    The sum is free while fitting, so that members that are all too timid or too sure do not bend the weights; the
    temperature that is fitted afterwards takes its place.

    Parameters
    ----------
    logs : one array a member, out-of-fold log-probabilities, shape (n, n_classes)
    truth : index of the right class, shape (n,)

    Source: logarithmic opinion pool; Heskes (1998), "Selecting weighting factors in logarithmic opinion pools".
    """
    stacked = np.stack(logs)
    rows = np.arange(len(truth))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        blended = np.tensordot(weights, stacked, axes=1)
        wrong = softmax(blended, axis=1)
        wrong[rows, truth] -= 1.0
        return float(-log_softmax(blended, axis=1)[rows, truth].sum()), (stacked * wrong).sum(axis=(1, 2))

    start = np.full(len(logs), 1.0 / len(logs))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(logs))
    return _shares(found.x)


def regressor_weights(values: Sequence[NDArray[np.float64]], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights, none negative, that sum to 1 and minimise the squared error of the blended numbers.

    Parameters
    ----------
    values : one array a member, out-of-fold numbers, shape (n,)
    truth : targets, shape (n,)
    """
    mean = truth.mean()
    weights, _ = nnls(np.column_stack(values) - mean, truth - mean)
    return _shares(weights)


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    if weights.sum() <= 0:
        return np.full(len(weights), 1.0 / len(weights))
    shares = weights / weights.sum()
    shares[shares < _NEGLIGIBLE] = 0.0
    return np.asarray(shares / shares.sum())


class _Blend(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both blends share: members and their weights, all fitted on the same rows."""

    def __init__(self, members: Sequence[Any], weights: Sequence[float]) -> None:
        self.members = members
        self.weights = weights

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        groups: NDArray[Any] | None = None,
    ) -> Self:
        """Fit every member on the same rows; those that cannot weigh them do not."""
        self.members_ = [fit_weighted(clone(member), X, y, sample_weight, groups) for member in self.members]
        return self


class BlendClassifier(ClassifierMixin, _Blend):  # type: ignore[misc]
    """Classifiers whose log-probabilities are averaged with fixed weights.

    Parameters
    ----------
    members : unfitted classifiers with ``predict_proba``
    weights : one a member, from :func:`classifier_weights`
    """

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, in the order of the probabilities."""
        return np.asarray(self.members_[0].classes_)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the blended probabilities, shape (n, n_classes)."""
        check_is_fitted(self)
        logs = [np.log(np.maximum(member.predict_proba(X), FLOOR)) for member in self.members_]
        return np.asarray(softmax(np.tensordot(np.asarray(self.weights), np.stack(logs), axes=1), axis=1))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable classes, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class BlendRegressor(RegressorMixin, _Blend):  # type: ignore[misc]
    """Regressors whose numbers are averaged with fixed weights.

    Parameters
    ----------
    members : unfitted regressors
    weights : one a member, from :func:`regressor_weights`
    """

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the blended numbers, shape (n,)."""
        check_is_fitted(self)
        return np.asarray(
            np.tensordot(np.asarray(self.weights), np.stack([m.predict(X) for m in self.members_]), axes=1)
        )
