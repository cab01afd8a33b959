"""What is tried: a family of models with its settings, and how one is fitted and asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyClassifier

from auricle.models.blend import BLEND, BlendClassifier, BlendRegressor
from auricle.models.family import Estimator, fit_weighted
from auricle.models.table import Task, estimator, grid

__all__ = ["Candidate", "ask", "blended", "candidates", "fit"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One thing to try.

    Parameters
    ----------
    family : key of ``MODELS``, or the class name of a user's own estimator
    estimator : unfitted
    settings : what differs from the family's defaults, by scikit-learn's parameter names
    """

    family: str
    estimator: Estimator
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The family and the settings that differ: ``forest(max_depth=8)``."""
        settings = ", ".join(f"{key.rpartition('__')[2]}={value}" for key, value in self.settings.items())
        return f"{self.family}({settings})" if settings else self.family


def candidates(families: tuple[str, ...], task: Task, *, seed: int, tune: str) -> tuple[Candidate, ...]:
    """Return what to try: each family with its defaults, or with every combination of its grid."""
    found = []
    for family in families:
        options = grid(family, task) if tune == "grid" else {}
        for values in product(*options.values()):
            settings = dict(zip(options, values, strict=True))
            made = estimator(family, task, seed)
            made.set_params(**settings)
            found.append(Candidate(family, made, settings))
    return tuple(found)


def blended(members: Sequence[tuple[Candidate, float]], *, is_classifier: bool) -> Candidate:
    """Return the candidate that blends others, each with its weight."""
    estimators, weights = [member.estimator for member, _ in members], [weight for _, weight in members]
    made = (BlendClassifier if is_classifier else BlendRegressor)(estimators, weights)
    return Candidate(BLEND, made, {member.name: round(weight, 3) for member, weight in members})


def fit(candidate: Candidate, rows: NDArray[np.float32], truth: NDArray[Any], owner: NDArray[np.int64]) -> Estimator:
    """Fit a fresh copy of a candidate, every recording weighing the same however many windows it has.

    Parameters
    ----------
    rows : shape (n, d)
    truth : class index or standardised target of each row, shape (n,)
    owner : which recording each row is of, shape (n,)
    """
    model = clone(candidate.estimator)
    if is_classifier(model) and len(np.unique(truth)) == 1:
        # All recordings of the other classes were left out: nothing can be learned, and the score shall say so.
        return _fitted(DummyClassifier().fit(rows, truth))
    _, recording, counts = np.unique(owner, return_inverse=True, return_counts=True)
    weight = None if counts.min() == counts.max() else 1.0 / counts[recording]
    return _fitted(fit_weighted(model, rows, truth, weight))


def ask(model: Estimator, rows: NDArray[np.float32], n_classes: int) -> NDArray[np.float64]:
    """Return a fitted model's answers: probabilities of all classes, shape (n, n_classes), or numbers, shape (n, 1).

    A class that the model never saw, because all of its recordings were held out, has probability 0.
    """
    if not n_classes:
        return np.asarray(model.predict(rows), np.float64).reshape(-1, 1)
    answers = np.zeros((len(rows), n_classes))
    answers[:, model.classes_] = model.predict_proba(rows)  # type: ignore[attr-defined]  # a classifier's
    return answers


def _fitted(model: Any) -> Estimator:
    fitted: Estimator = model
    return fitted
