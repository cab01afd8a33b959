"""What a family of models is: how to make one, what to search, and how dear it is."""

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
    """The part of scikit-learn's convention that auricle relies on: arrays in, arrays out."""

    def fit(self, X: Floats, y: Labels) -> Any:
        """Fit on rows of float32, shape (n, d), and labels or targets, shape (n,)."""

    def predict(self, X: Floats) -> Labels:
        """Answer labels or targets, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002  (scikit-learn's signature)
        """Return the settings, as scikit-learn's ``clone`` needs them."""

    def set_params(self, **params: Any) -> Any:
        """Change settings."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where a search may look for a number, on a logarithmic scale: both ends included."""

    low: float
    high: float
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the table of models.

    Parameters
    ----------
    title : what a report calls it
    classifier, regressor : seed → an unfitted estimator
    grid : the settings that ``--tune grid`` tries, by scikit-learn's parameter names
    space : where ``--tune optuna`` looks
    eats : what its rows are: pooled features, embeddings (with pooled features beside them or without), or one image
    """

    title: str
    classifier: Callable[[int], Estimator]
    regressor: Callable[[int], Estimator]
    grid: Mapping[str, tuple[Any, ...]]
    space: Mapping[str, Range]
    input_kind: Literal["pooled", "embedding", "image"] = "pooled"


def fit_weighted(model: Any, X: Floats, y: Labels, weight: Floats | None = None, groups: Labels | None = None) -> Any:
    """Fit a model, or a pipeline that ends in one, on weighted rows; one that cannot weigh rows counts them alike.

    Parameters
    ----------
    X : shape (n, d)
    y : shape (n,)
    weight : shape (n,); None where all count alike
    groups : of each row, shape (n,), for models that hold whole ones out while they learn; others need none
    """
    name, last = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    given = {"sample_weight": weight, "groups": groups}
    wanted = {key: value for key, value in given.items() if value is not None and has_fit_parameter(last, key)}
    return model.fit(X, y, **{f"{name}__{key}" if name else key: value for key, value in wanted.items()})
