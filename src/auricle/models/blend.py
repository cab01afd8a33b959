"""Ensembles: weighted means of model outputs, and the fit of the weights on out-of-fold predictions."""

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
"""Name of an ensemble, beside the families of the table."""

FLOOR = 1e-4
"""Floor of probabilities before the logarithm."""

_NEGLIGIBLE = 0.02  # a member of smaller weight costs time and changes nothing


def classifier_weights(logs: Sequence[NDArray[np.float64]], truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """Fit non-negative ensemble weights with sum 1 that minimise the log loss.

    The sum is free during the fit, so that members that are all under- or overconfident do not distort the weights;
    temperature scaling, fitted afterwards, restores the scale.

    Parameters
    ----------
    logs : sequence of float64, shape (n, n_classes)
        Out-of-fold log-probabilities of each member.
    truth : intp, shape (n,)
        Index of the true class.

    Returns
    -------
    float64, shape (n_members,)

    Source: logarithmic opinion pool; Heskes (1998), "Selecting weighting factors in logarithmic opinion pools".
    """
    stacked = np.stack(logs)
    rows = np.arange(len(truth))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        blended = np.tensordot(weights, stacked, axes=1)
        error = softmax(blended, axis=1)
        error[rows, truth] -= 1.0
        return float(-log_softmax(blended, axis=1)[rows, truth].sum()), (stacked * error).sum(axis=(1, 2))

    start = np.full(len(logs), 1.0 / len(logs))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(logs))
    return _normalized(found.x)


def regressor_weights(values: Sequence[NDArray[np.float64]], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit non-negative ensemble weights with sum 1 that minimise the squared error.

    Parameters
    ----------
    values : sequence of float64, shape (n,)
        Out-of-fold predictions of each member.
    truth : float64, shape (n,)
        Targets.

    Returns
    -------
    float64, shape (n_members,)
    """
    mean = truth.mean()
    weights, _ = nnls(np.column_stack(values) - mean, truth - mean)
    return _normalized(weights)


def _normalized(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    if weights.sum() <= 0:
        return np.full(len(weights), 1.0 / len(weights))
    shares = weights / weights.sum()
    shares[shares < _NEGLIGIBLE] = 0.0
    return np.asarray(shares / shares.sum())


class _Blend(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Members and weights of an ensemble."""

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
        """Fit every member on the same rows, with sample weights where the member supports them."""
        self.members_ = [fit_weighted(clone(member), X, y, sample_weight, groups) for member in self.members]
        return self


class BlendClassifier(ClassifierMixin, _Blend):  # type: ignore[misc]
    """Ensemble of classifiers: the weighted mean of log-probabilities.

    Parameters
    ----------
    members : sequence of estimators
        Unfitted classifiers with ``predict_proba``.
    weights : sequence of float
        One per member, from :func:`classifier_weights`.
    """

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels, in the order of the probabilities."""
        return np.asarray(self.members_[0].classes_)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Predict class probabilities, shape (n, n_classes)."""
        check_is_fitted(self)
        logs = [np.log(np.maximum(member.predict_proba(X), FLOOR)) for member in self.members_]
        return np.asarray(softmax(np.tensordot(np.asarray(self.weights), np.stack(logs), axes=1), axis=1))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict classes, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class BlendRegressor(RegressorMixin, _Blend):  # type: ignore[misc]
    """Ensemble of regressors: the weighted mean of predictions.

    Parameters
    ----------
    members : sequence of estimators
        Unfitted regressors.
    weights : sequence of float
        One per member, from :func:`regressor_weights`.
    """

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Predict targets, shape (n,)."""
        check_is_fitted(self)
        return np.asarray(
            np.tensordot(np.asarray(self.weights), np.stack([m.predict(X) for m in self.members_]), axes=1)
        )
