"""The table of model families: the command line's choices, the docs and the contract tests read it."""

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

# From cheap to dear: the order in which candidates are tried, and in which ties are broken.
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
"""What ``auto`` tries, and blends: one linear, one kernel and one tree family, all cheap enough to be nested."""


def family_names(wanted: str | Iterable[str] = "auto") -> tuple[tuple[str, ...], bool]:
    """Return the families asked for, in the table's order, and whether they may be blended.

    ``"auto"`` stands for ``AUTO`` and a blend of them; ``"blend"`` alone for the same. Training adds ``"embedding"`` to
    ``"auto"`` where pretrained models are at hand.

    Raises
    ------
    UsageError : a name that is not in the table, or no name at all
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
    """Return an unfitted estimator of a family, with its default settings."""
    family = MODELS[name]
    return family.classifier(seed) if task == "classify" else family.regressor(seed)


def grid(name: str, task: Task) -> Mapping[str, tuple[Any, ...]]:
    """Return the settings that a grid search tries for a family: those that its estimator of this task has."""
    settings = estimator(name, task, seed=0).get_params()
    return {key: values for key, values in MODELS[name].grid.items() if key in settings}


def space(name: str, task: Task) -> Mapping[str, Range]:
    """Return where a search looks for a family's settings: those that its estimator of this task has."""
    settings = estimator(name, task, seed=0).get_params()
    return {key: values for key, values in MODELS[name].space.items() if key in settings}
