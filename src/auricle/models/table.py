"""The table of model families, and their estimators, grids and search spaces by name and task."""

from collections.abc import Iterable, Mapping
from typing import Any

from auricle.errors import UsageError
from auricle.models.blend import BLEND
from auricle.models.boosting import BOOSTING
from auricle.models.cnn.family import CNN
from auricle.models.embedding import EMBEDDING
from auricle.models.family import Estimator, Family, Range
from auricle.models.forest import FOREST
from auricle.models.linear import LINEAR
from auricle.models.neighbours import NEIGHBOURS
from auricle.models.svm import SVM
from auricle.models.trees import TREES
from auricle.tasks.table import Task

__all__ = ["AUTO", "MODELS", "estimator", "family_names", "grid", "space"]

# In order of cost: the order in which candidates are tried and ties are broken.
MODELS: dict[str, Family] = {
    "linear": LINEAR,
    "neighbours": NEIGHBOURS,
    "svm": SVM,
    "trees": TREES,
    "forest": FOREST,
    "boosting": BOOSTING,
    "embedding": EMBEDDING,
    "cnn": CNN,
}

AUTO = ("linear", "svm", "trees")
"""Families of ``auto``, which also blends them: linear, kernel and trees, fast enough for nested cross-validation."""


def family_names(wanted: str | Iterable[str] = "auto") -> tuple[tuple[str, ...], bool]:
    """Return the requested families, in the order of the table, and whether they may be blended.

    ``"auto"`` means ``AUTO`` and a blend of them, as does ``"blend"`` alone. Training adds ``"embedding"`` to
    ``"auto"`` if pretrained models are available.

    Raises
    ------
    UsageError
        A name that is not in the table, or no name.
    """
    if isinstance(wanted, str):
        wanted = wanted.split(",")
    names = {name.strip() for name in wanted}
    known = ("auto", *MODELS, BLEND)
    if not names or not names <= set(known):
        unknown = ", ".join(sorted(map(repr, names - set(known)))) or "nothing"
        raise UsageError(f"`models` must be among {', '.join(known)}. Got {unknown}.")
    if "auto" in names or names == {BLEND}:
        names |= {*AUTO, BLEND}
    return tuple(name for name in MODELS if name in names), BLEND in names


def estimator(name: str, task: Task, seed: int) -> Estimator:
    """Return an unfitted estimator of a family, with default hyperparameters."""
    family = MODELS[name]
    return family.classifier(seed) if task == "classify" else family.regressor(seed)


def grid(name: str, task: Task) -> Mapping[str, tuple[Any, ...]]:
    """Return a family's grid for the hyperparameters that its estimator of the task has."""
    settings = estimator(name, task, seed=0).get_params()
    return {key: values for key, values in MODELS[name].grid.items() if key in settings}


def space(name: str, task: Task) -> Mapping[str, Range]:
    """Return a family's search space for the hyperparameters that its estimator of the task has."""
    settings = estimator(name, task, seed=0).get_params()
    return {key: values for key, values in MODELS[name].space.items() if key in settings}
