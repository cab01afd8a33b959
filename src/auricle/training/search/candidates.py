"""What is tried: a family of models with its settings and what it is given to eat, and how one is fitted and asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from auricle.features.pipeline import IMAGE, POOLED
from auricle.features.spec import FeatureSpec
from auricle.models.blend import BLEND, BlendClassifier, BlendRegressor
from auricle.models.cnn.settings import Epoch
from auricle.models.family import Estimator, fit_weighted
from auricle.models.preprocessing import SelectColumns
from auricle.training.design_matrix import DesignMatrix, Scale

__all__ = ["Candidate", "blended", "fit", "fit_to", "predict"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One thing to try.

    Parameters
    ----------
    family : key of ``MODELS``, or the class name of a user's own estimator
    estimator : unfitted
    settings : what differs from the family's defaults, by scikit-learn's parameter names or the spec's
    spec : what makes its rows; None where a search knows one table only
    parts : what its rows are made of, end to end
    columns : places of the columns that it is given, in its rows; none for all of them
    is_balanced : whether every class weighs the same in a fit, however many recordings it has
    """

    family: str
    estimator: Estimator
    settings: Mapping[str, Any] = field(default_factory=dict)
    spec: FeatureSpec | None = None
    parts: tuple[str, ...] = (POOLED,)
    columns: tuple[int, ...] = ()
    is_balanced: bool = False

    @property
    def name(self) -> str:
        """The family, what it eats and the settings that differ: ``forest(max_depth=8)``, ``embedding(yamnet)``."""
        settings = [f"{key.rpartition('__')[2]}={value}" for key, value in self.settings.items()]
        if self.family != BLEND and self.parts not in ((POOLED,), (IMAGE,)):
            settings.insert(0, "+".join(self.parts))
        return f"{self.family}({', '.join(settings)})" if settings else self.family

    @property
    def model(self) -> Estimator:
        """The unfitted estimator of whole rows: it takes its columns by itself."""
        if not self.columns:
            return self.estimator
        # One flat pipeline: weights reach the last step of the outermost only.
        steps = self.estimator.steps if isinstance(self.estimator, Pipeline) else [("model", self.estimator)]
        model: Estimator = Pipeline([("columns", SelectColumns(self.columns)), *steps])
        return model


def blended(
    members: Sequence[tuple[Candidate, float]], width: Callable[[str], int], *, is_classifier: bool
) -> Candidate:
    """Return the candidate that blends others, each with its weight.

    It eats every part that a member eats, and gives each member its columns.

    Parameters
    ----------
    members : of one spec
    width : how many columns a part has
    """
    parts = tuple(dict.fromkeys(part for member, _ in members for part in member.parts))
    widths = [width(part) for part in parts]
    first = dict(zip(parts, np.cumsum([0, *widths]).tolist(), strict=False))

    def placed(member: Candidate) -> Candidate:
        if member.parts == parts:
            return member
        places = np.concatenate([first[part] + np.arange(width(part)) for part in member.parts])
        chosen = places[list(member.columns)] if member.columns else places
        return replace(member, columns=tuple(chosen.tolist()))

    models, weights = [placed(member).model for member, _ in members], [weight for _, weight in members]
    made = (BlendClassifier if is_classifier else BlendRegressor)(models, weights)
    shares = {member.name: round(weight, 3) for member, weight in members}
    leader = members[0][0]
    return Candidate(BLEND, made, shares, spec=leader.spec, parts=parts, is_balanced=leader.is_balanced)


def fit(
    candidate: Candidate,
    rows: NDArray[np.float32],
    truth: NDArray[Any],
    owner: NDArray[np.int64],
    weight: NDArray[np.float64] | None = None,
    groups: NDArray[Any] | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Estimator:
    """Fit a fresh copy of a candidate, every recording weighing the same however many windows it has.

    Parameters
    ----------
    rows : shape (n, d)
    truth : class index or standardised target of each row, shape (n,)
    owner : which recording each row is of, shape (n,)
    weight : of each recording beside the others, by its number; None where all weigh the same
    groups : of each row, shape (n,), for models that hold whole ones out while they learn; None makes recordings such
    progress : told of every epoch of a network
    """
    model: Any = clone(candidate.model)
    if progress is not None and "progress" in model.get_params(deep=False):
        model.set_params(progress=progress)
    if is_classifier(model) and len(np.unique(truth)) == 1:
        # All recordings of the other classes were left out: nothing can be learned, and the score shall say so.
        return _fitted(DummyClassifier().fit(rows, truth))
    weights = _weights(truth, owner, weight, is_balanced=candidate.is_balanced)
    return _fitted(fit_weighted(model, rows, truth, weights, owner if groups is None else groups))


def fit_to(
    candidate: Candidate,
    table: DesignMatrix,
    learned: NDArray[np.bool_],
    scale: Scale,
    *,
    progress: Callable[[Epoch], None] | None = None,
) -> Estimator:
    """Fit a fresh copy of a candidate to some recordings of a table; as :func:`fit`.

    Parameters
    ----------
    learned : which recordings it learns from, shape (n,)
    scale : of numbers among them
    """
    windows = learned[table.owner]
    owner = table.owner[windows]
    rows, truth = table.design_matrix(candidate.parts, windows), scale.standardised(table.truth)[owner]
    groups = None if table.groups is None else table.groups[owner]
    return fit(candidate, rows, truth, owner, table.weight, groups, progress)


def predict(model: Estimator, rows: NDArray[np.float32], n_classes: int) -> NDArray[np.float64]:
    """Return a fitted model's answers: probabilities of all classes, shape (n, n_classes), or numbers, shape (n, 1).

    A class that the model never saw, because all of its recordings were held out, has probability 0.
    """
    if not n_classes:
        return np.asarray(model.predict(rows), np.float64).reshape(-1, 1)
    answers = np.zeros((len(rows), n_classes))
    answers[:, model.classes_] = model.predict_proba(rows)  # type: ignore[attr-defined]  # a classifier's
    return answers


def _weights(
    truth: NDArray[Any], owner: NDArray[np.int64], of_recording: NDArray[np.float64] | None, *, is_balanced: bool
) -> NDArray[np.float64] | None:
    """Return the weight of each row, 1 on average; None where all weigh the same."""
    _, recording, n_windows = np.unique(owner, return_inverse=True, return_counts=True)
    weight = 1.0 / n_windows[recording]
    if of_recording is not None:
        weight *= of_recording[owner]
    if is_balanced:
        _, of_class = np.unique(truth, return_inverse=True)
        weight /= np.bincount(of_class, weight)[of_class]
    return None if np.ptp(weight) < 1e-12 else weight / weight.mean()


def _fitted(model: Any) -> Estimator:
    fitted: Estimator = model
    return fitted
