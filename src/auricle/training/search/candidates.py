"""Candidates of a search: a model family with its settings and feature set; fitting one, and its predictions."""

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
from auricle.training.search.training_data import TargetScale, TrainingData

__all__ = ["Candidate", "blend_candidates", "fit", "fit_recordings", "predict"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model family with its settings and feature set.

    Parameters
    ----------
    family : str
        Key of ``MODELS``, or the class name of a user's own estimator.
    estimator : Estimator
        Unfitted.
    settings : mapping
        Differences from the family's defaults, by scikit-learn's parameter names or the spec's.
    spec : FeatureSpec or None
        Spec of its rows; None where a search has one table only.
    feature_set : tuple of str
        Feature blocks that its rows join, end to end.
    columns : tuple of int
        Indices of the columns to use; empty uses all.
    is_balanced : bool
        Whether every class has the same total weight in a fit.
    """

    family: str
    estimator: Estimator
    settings: Mapping[str, Any] = field(default_factory=dict)
    spec: FeatureSpec | None = None
    feature_set: tuple[str, ...] = (POOLED,)
    columns: tuple[int, ...] = ()
    is_balanced: bool = False

    @property
    def name(self) -> str:
        """The family, feature set and settings: ``forest(max_depth=8)``, ``embedding(yamnet)``."""
        settings = [f"{key.rpartition('__')[2]}={value}" for key, value in self.settings.items()]
        if self.family != BLEND and self.feature_set not in ((POOLED,), (IMAGE,)):
            settings.insert(0, "+".join(self.feature_set))
        return f"{self.family}({', '.join(settings)})" if settings else self.family

    @property
    def model(self) -> Estimator:
        """The unfitted estimator of whole rows, which selects its columns first."""
        if not self.columns:
            return self.estimator
        # One flat pipeline: weights reach the last step of the outermost only.
        steps = self.estimator.steps if isinstance(self.estimator, Pipeline) else [("model", self.estimator)]
        model: Estimator = Pipeline([("columns", SelectColumns(self.columns)), *steps])
        return model


def blend_candidates(
    members: Sequence[tuple[Candidate, float]], width: Callable[[str], int], *, is_classifier: bool
) -> Candidate:
    """Return the weighted blend of candidates: it reads the union of their feature sets, each member its columns.

    Parameters
    ----------
    members : sequence of (Candidate, float)
        Members of one spec, with their weights.
    width : callable
        Returns the number of columns of a feature block.
    is_classifier : bool
    """
    blocks = tuple(dict.fromkeys(block for member, _ in members for block in member.feature_set))
    first = dict(zip(blocks, np.cumsum([0, *map(width, blocks)]).tolist(), strict=False))

    def on_all_blocks(member: Candidate) -> Candidate:
        if member.feature_set == blocks:
            return member
        indices = np.concatenate([first[block] + np.arange(width(block)) for block in member.feature_set])
        columns = indices[list(member.columns)] if member.columns else indices
        return replace(member, columns=tuple(columns.tolist()))

    models, weights = [on_all_blocks(member).model for member, _ in members], [weight for _, weight in members]
    blend = (BlendClassifier if is_classifier else BlendRegressor)(models, weights)
    shares = {member.name: round(weight, 3) for member, weight in members}
    leader = members[0][0]
    return Candidate(BLEND, blend, shares, spec=leader.spec, feature_set=blocks, is_balanced=leader.is_balanced)


def fit(
    candidate: Candidate,
    rows: NDArray[np.float32],
    truth: NDArray[Any],
    owner: NDArray[np.int64],
    *,
    weight: NDArray[np.float64] | None = None,
    groups: NDArray[Any] | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Estimator:
    """Fit a fresh copy of a candidate; every recording has the same weight, however many windows it has.

    Parameters
    ----------
    candidate : Candidate
    rows : float32, shape (n, d)
    truth : int or float64, shape (n,)
        Class index or standardised target of each row.
    owner : int64, shape (n,)
        Index of the recording of each row.
    weight : float64, shape (n_recordings,), or None
        Relative weight of each recording; None weighs all the same.
    groups : array, shape (n,), or None
        Group of each row, for models that hold groups out while they learn; None takes recordings as groups.
    progress : callable
        Called after every epoch of a network.
    """
    model: Any = clone(candidate.model)
    if progress is not None and "progress" in model.get_params(deep=False):
        model.set_params(progress=progress)
    if is_classifier(model) and len(np.unique(truth)) == 1:
        # All recordings of the other classes were left out: nothing can be learned, and the score has to show it.
        model = DummyClassifier().fit(rows, truth)
    else:
        weights = _row_weights(truth, owner, weight, is_balanced=candidate.is_balanced)
        model = fit_weighted(model, rows, truth, weights, owner if groups is None else groups)
    fitted: Estimator = model
    return fitted


def fit_recordings(
    candidate: Candidate,
    data: TrainingData,
    learned: NDArray[np.bool_],
    scale: TargetScale,
    *,
    progress: Callable[[Epoch], None] | None = None,
) -> Estimator:
    """Fit a fresh copy of a candidate to some recordings; as :func:`fit`.

    Parameters
    ----------
    candidate : Candidate
    data : TrainingData
    learned : bool, shape (n_recordings,)
        Whether to fit to the recording.
    scale : TargetScale
        Of those recordings.
    progress : callable
        Called after every epoch of a network.
    """
    windows = learned[data.owner]
    owner = data.owner[windows]
    rows, truth = data.design_matrix(candidate.feature_set, windows), scale.standardize(data.truth)[owner]
    groups = None if data.groups is None else data.groups[owner]
    return fit(candidate, rows, truth, owner, weight=data.weight, groups=groups, progress=progress)


def predict(model: Estimator, rows: NDArray[np.float32], n_classes: int) -> NDArray[np.float64]:
    """Return probabilities of all classes, float64, shape (n, n_classes), or numbers, shape (n, 1).

    A class without a recording in the fit has probability 0.
    """
    if not n_classes:
        return np.asarray(model.predict(rows), np.float64).reshape(-1, 1)
    probabilities = np.zeros((len(rows), n_classes))
    probabilities[:, model.classes_] = model.predict_proba(rows)  # type: ignore[attr-defined]  # a classifier's
    return probabilities


def _row_weights(
    truth: NDArray[Any], owner: NDArray[np.int64], of_recording: NDArray[np.float64] | None, *, is_balanced: bool
) -> NDArray[np.float64] | None:
    """Return the weight of each row, 1 on average; None where all are equal."""
    _, recording, n_windows = np.unique(owner, return_inverse=True, return_counts=True)
    weight = 1.0 / n_windows[recording]
    if of_recording is not None:
        weight *= of_recording[owner]
    if is_balanced:
        _, of_class = np.unique(truth, return_inverse=True)
        weight /= np.bincount(of_class, weight)[of_class]
    return None if np.ptp(weight) < 1e-12 else weight / weight.mean()
