"""Shortcuts: one thing beside the sound itself, such as level or device, from which the answer can be told alone."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.splits import assign
from auricle.inspection.findings import Finding, answers_of, listed, repeats
from auricle.inspection.scan import Recording

__all__ = ["Trait", "find_shortcuts", "skill_of_class", "skill_of_number", "traits_of"]

SKILL = 0.9
"""Balanced accuracy (of a number, R²) from which one trait alone is reported."""
SURE = 0.75
"""And what the lower end of its 95% interval must reach, so that a few recordings do not cry wolf."""
N_BINS = 16
N_FOLDS = 5
FEW_VALUES = 32
"""A trait with at most so many values has a bin for each."""
Z_95 = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """One thing about every recording that is not what it sounds like.

    Parameters
    ----------
    name : as a sentence calls it
    values : one a recording, shape (n,): a number, or the code of a value
    show : how a sentence writes a value
    is_column : whether it is a column of the table
    """

    name: str
    values: NDArray[np.float64]
    show: Callable[[float], str]
    is_column: bool = False


_MEASURES: tuple[tuple[str, Callable[[Recording], float], str], ...] = (
    ("sample rate", lambda r: r.rate_hz, "{:.0f} Hz"),
    ("number of channels", lambda r: r.channels, "{:.0f}"),
    ("duration", lambda r: r.duration_s, "{:.2f} s"),
    ("level", lambda r: r.quality.level_db, "{:.0f} dB"),
    ("peak level", lambda r: r.quality.peak_db, "{:.0f} dB"),
    ("noise floor", lambda r: r.quality.noise_floor_db, "{:.0f} dB"),
    ("DC offset", lambda r: r.quality.dc, "{:.4f}"),
    ("bandwidth", lambda r: r.quality.bandwidth_hz, "{:.0f} Hz"),
    ("share of clipped samples", lambda r: r.quality.clipped, "{:.2g}"),
    ("share of digital silence", lambda r: r.quality.silent, "{:.2f}"),
)
"""What a recorder, a site or an editor leaves in the sound."""


def traits_of(dataset: Dataset, recordings: Sequence[Recording]) -> Iterator[Trait]:
    """Yield the measures of the sound, and the columns that could be a device or a site.

    A column that is the group is passed over: no split lets a model use it. So is one that repeats the answer, or has
    so many values that each is hardly more than a recording.
    """
    for name, measure, pattern in _MEASURES:
        values = np.array([measure(recording) for recording in recordings], np.float64)
        if np.ptp(values) > 0:
            yield Trait(name, values, pattern.format)
    answers = answers_of(dataset)
    for column in dataset.examples[0].metadata:
        texts = [example.metadata.get(column, "").strip() for example in dataset.examples]
        names, codes = np.unique(texts, return_inverse=True)
        few = 2 <= names.size <= max(20, 2 * len(dataset.classes))
        if few and column != dataset.group_column and not repeats(texts, answers):
            yield Trait(f"`{column}`", codes.astype(np.float64), partial(_name, names), is_column=True)


def _name(names: NDArray[np.str_], code: float) -> str:
    return repr(str(names[int(code)]))


def find_shortcuts(dataset: Dataset, recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Yield a finding for each trait from which a class, or the number, can be told alone.

    Each trait is cut into at most 16 bins, or one for each of its values; what a bin says is learned on four fifths
    of the groups and scored on the rest (or in the published folds). It is reported when it is right in 0.9 of both
    the class and the others, and the interval, over groups, lies above 0.75.
    """
    folds = _folds(dataset)
    if folds is None:
        return
    if dataset.task == "regress":
        for trait in traits_of(dataset, recordings):
            skill, low = skill_of_number(_bins(trait.values), dataset.targets, folds, dataset.groups)
            if skill >= SKILL and low >= SURE:
                yield Finding("shortcut", "warning", _sentence_of_number(trait, skill, low))
        return
    told: dict[tuple[str, ...], list[tuple[float, float, Trait]]] = {}
    for trait in traits_of(dataset, recordings):
        skills, lows = skill_of_class(_bins(trait.values), dataset.labels, folds, dataset.groups)
        classes = tuple(
            label
            for label, skill, low in zip(dataset.classes, skills, lows, strict=True)
            if skill >= SKILL and low >= SURE
        )
        if classes:
            told.setdefault(classes, []).append((float(skills.max()), float(lows.max()), trait))
    for classes, found in told.items():
        found.sort(key=lambda one: (one[0], one[2].is_column), reverse=True)
        files = tuple(example.file for example in dataset.examples if example.label in classes)
        yield Finding("shortcut", "warning", _sentence_of_classes(dataset, classes, found), files)


def skill_of_class(
    bins: NDArray[np.intp], labels: NDArray[np.str_], folds: NDArray[np.intp], groups: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tell each class from all others by one binned trait.

    Returns
    -------
    balanced accuracy of each class against the rest, and the lower end of its 95% interval, shape (n_classes,) each;
    a guess gets 0.5

    Source: Wilson (1927) for the interval of each rate, with groups as the trials.
    """
    names, truth = np.unique(labels, return_inverse=True)
    is_class = truth[:, None] == np.arange(names.size)
    right = np.zeros(is_class.shape, bool)
    for fold in np.unique(folds):
        train = folds != fold
        counts = np.zeros((bins.max() + 1, names.size))
        np.add.at(counts, (bins[train], truth[train]), 1.0)
        of_class = counts / np.maximum(counts.sum(axis=0), 1)
        others = counts.sum(axis=1, keepdims=True) - counts
        of_others = others / np.maximum(others.sum(axis=0), 1)
        right[~train] = (of_class > of_others)[bins[~train]] == is_class[~train]
    group_of = np.unique(groups, return_inverse=True)[1]
    hit, hit_low = _rate(right & is_class, is_class, group_of)
    spared, spared_low = _rate(right & ~is_class, ~is_class, group_of)
    return (hit + spared) / 2, (hit_low + spared_low) / 2


def skill_of_number(
    bins: NDArray[np.intp], targets: NDArray[np.float64], folds: NDArray[np.intp], groups: NDArray[np.str_]
) -> tuple[float, float]:
    """Tell the target from one binned trait: R² of the bins' means, and the lower end of its 95% interval.

    Source: Fisher (1915) for the interval of the correlation, with groups as the trials.
    """
    told = np.empty_like(targets)
    for fold in np.unique(folds):
        train = folds != fold
        sums = np.bincount(bins[train], targets[train], minlength=bins.max() + 1)
        counts = np.bincount(bins[train], minlength=bins.max() + 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), targets[train].mean())
        told[~train] = means[bins[~train]]
    spread = float(((targets - targets.mean()) ** 2).sum())
    skill = 1 - float(((told - targets) ** 2).sum()) / spread if spread else 0.0
    n_groups = np.unique(groups).size
    if skill <= 0 or n_groups <= 3:
        return skill, 0.0
    low = math.tanh(math.atanh(min(math.sqrt(skill), 1 - 1e-9)) - Z_95 / math.sqrt(n_groups - 3))
    return skill, max(0.0, low) ** 2


def _folds(dataset: Dataset) -> NDArray[np.intp] | None:
    if dataset.folds is not None:
        return np.unique(dataset.folds, return_inverse=True)[1]
    n_groups = np.unique(dataset.groups).size
    if n_groups < 2:
        return None
    answers = dataset.labels if dataset.task == "classify" else dataset.targets
    return assign(answers, dataset.groups, min(N_FOLDS, n_groups), 0)


def _bins(values: NDArray[np.float64]) -> NDArray[np.intp]:
    different = np.unique(values)
    if different.size <= FEW_VALUES:
        return np.searchsorted(different, values)
    edges = np.unique(np.quantile(values, np.arange(1, N_BINS) / N_BINS))
    return np.searchsorted(edges, values, side="right")


def _rate(
    right: NDArray[np.bool_], counted: NDArray[np.bool_], group_of: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each class's rate, the mean over groups, and its lower bound."""
    totals = np.zeros((group_of.max() + 1, right.shape[1]))
    hits = np.zeros_like(totals)
    np.add.at(totals, group_of, counted)
    np.add.at(hits, group_of, right)
    n = np.maximum((totals > 0).sum(axis=0), 1)
    rate = (hits / np.maximum(totals, 1)).sum(axis=0) / n
    middle = rate + Z_95**2 / (2 * n)
    reach = Z_95 * np.sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n**2))
    return rate, (middle - reach) / (1 + Z_95**2 / n)


def _sentence_of_classes(dataset: Dataset, classes: tuple[str, ...], found: list[tuple[float, float, Trait]]) -> str:
    skill, low, trait = found[0]
    what = f"{trait.name} alone tells {listed([repr(label) for label in classes])} from the rest"
    if len(classes) == len(dataset.classes):
        what = f"{trait.name} alone tells the classes apart"
    score = f"balanced accuracy {skill:.2f}, 95% interval from {low:.2f}; a guess gets 0.50"
    where = "; ".join(f"{label!r}: {_span(trait, trait.values[dataset.labels == label])}" for label in classes[:3])
    if len(classes) < len(dataset.classes):
        where += f"; the others: {_span(trait, trait.values[~np.isin(dataset.labels, classes)])}"
    also = [other.name for _, _, other in found[1:]]
    beside = f" So {'do' if len(also) > 1 else 'does'} {listed(also)}." if also else ""
    return (
        f"{what[0].upper()}{what[1:]} ({score}): {where}.{beside} A model may learn that instead of the sound. "
        "Record every class under every condition, or score on a condition that it has not heard."
    )


def _sentence_of_number(trait: Trait, skill: float, low: float) -> str:
    name = f"{trait.name[0].upper()}{trait.name[1:]}"
    return (
        f"{name} alone tells the number (R² {skill:.2f}, 95% interval from {low:.2f}; the mean gets 0). "
        "If that is not the effect that is to be learned, a model may use it instead of the sound: group by it, or "
        "record every number under every condition."
    )


def _span(trait: Trait, values: NDArray[np.float64]) -> str:
    if trait.is_column:
        codes, counts = np.unique(values, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return listed([f"{trait.show(codes[i])} ({counts[i]})" for i in order], most=2)
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    if low == high:
        return trait.show(middle)
    return f"{trait.show(low)} to {trait.show(high)}"
