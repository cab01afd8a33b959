"""The description of a model family: estimators, hyperparameter grid and search space; and weighted fits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

__all__ = ["Estimator", "Family", "Floats", "Labels", "Range", "fit_weighted"]

Floats = NDArray[np.floating[Any]]
Labels = NDArray[Any]


@runtime_checkable
class Estimator(Protocol):
    """The part of scikit-learn's estimator interface that auricle uses."""

    def fit(self, X: Floats, y: Labels) -> Any:
        """Fit on float32 rows, shape (n, d), and labels or targets, shape (n,)."""

    def predict(self, X: Floats) -> Labels:
        """Predict labels or targets, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002  (scikit-learn's signature)
        """Return the hyperparameters, as scikit-learn's ``clone`` needs them."""

    def set_params(self, **params: Any) -> Any:
        """Set hyperparameters."""


@dataclass(frozen=True, slots=True)
class Range:
    """Search range of a hyperparameter on a logarithmic scale, both ends included."""

    low: float
    high: float
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models.

    Parameters
    ----------
    title : str
        Name in reports.
    classifier, regressor : callable
        From a seed to an unfitted estimator.
    grid : mapping of str to tuple
        Values that ``--tune grid`` tries, by scikit-learn's parameter names.
    space : mapping of str to Range
        Ranges that ``--tune optuna`` searches.
    input_kind : str
        Contents of its rows: ``pooled`` features, ``embedding`` (with or without pooled features), or one ``image``.
    """

    title: str
    classifier: Callable[[int], Estimator]
    regressor: Callable[[int], Estimator]
    grid: Mapping[str, tuple[Any, ...]]
    space: Mapping[str, Range]
    input_kind: Literal["pooled", "embedding", "image"] = "pooled"


def fit_weighted(model: Any, X: Floats, y: Labels, weight: Floats | None = None, groups: Labels | None = None) -> Any:
    """Fit an estimator or pipeline, passing sample weights and groups if the final estimator supports them.

    Parameters
    ----------
    model : estimator
    X : float32, shape (n, d)
    y : shape (n,)
    weight : float, shape (n,), optional
    groups : shape (n,), optional
        Group of each row, for models with an internal validation split.

    Returns
    -------
    The fitted model.
    """
    name, last = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    optional = {"sample_weight": weight, "groups": groups}
    supported = {key: value for key, value in optional.items() if value is not None and has_fit_parameter(last, key)}
    return model.fit(X, y, **{f"{name}__{key}" if name else key: value for key, value in supported.items()})
