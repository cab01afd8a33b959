"""Shortcuts: confounders such as level or device that alone predict the label."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.splits import assign
from auricle.inspection.findings import Finding, is_label_copy, label_texts, listed
from auricle.inspection.scan import Recording

__all__ = ["Trait", "find_shortcuts", "skill_of_class", "skill_of_number", "traits_of"]

SKILL = 0.9
"""Balanced accuracy (R² for regression) from which a trait is reported."""
SURE = 0.75
"""Least lower end of its 95% interval, against false alarms from a few recordings."""
N_BINS = 16
N_FOLDS = 5
FEW_VALUES = 32
"""Up to this number of values, a trait has a bin for each."""
Z_95 = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """A property of recordings beside the labelled sound.

    Parameters
    ----------
    name : str
        Name in messages.
    values : float64, shape (n,)
        Numbers, or codes of text.
    show : callable
        From a value to its text.
    is_column : bool
        Whether it is a column of the table.
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
"""Measures that depend on recorder, site or editing: name, function, format."""


def traits_of(dataset: Dataset, recordings: Sequence[Recording]) -> Iterator[Trait]:
    """Yield the measures of the sound, and the columns that could be a device or a site.

    Skipped are the column of the groups, which no split lets a model use, copies of the label, and columns of many
    values.
    """
    for name, measure, pattern in _MEASURES:
        values = np.array([measure(recording) for recording in recordings], np.float64)
        if np.ptp(values) > 0:
            yield Trait(name, values, pattern.format)
    labels = label_texts(dataset)
    for column in dataset.named_columns:
        texts = [example.metadata.get(column, "").strip() for example in dataset.examples]
        names, codes = np.unique(texts, return_inverse=True)
        few = 2 <= names.size <= max(20, 2 * len(dataset.classes))
        if few and column != dataset.group_column and not is_label_copy(texts, labels):
            yield Trait(f"`{column}`", codes.astype(np.float64), partial(_name, names), is_column=True)


def _name(names: NDArray[np.str_], code: float) -> str:
    return repr(str(names[int(code)]))


def find_shortcuts(dataset: Dataset, recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Yield findings about traits that alone predict a class, or the target.

    Each trait is cut into at most 16 bins, or one for each value. A classifier by bin is cross-validated over five
    folds of groups, or the published folds. A trait is reported from a balanced accuracy of 0.9, with a lower end of
    the interval over groups of 0.75.
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
    by_classes: dict[tuple[str, ...], list[tuple[float, float, Trait]]] = {}
    for trait in traits_of(dataset, recordings):
        skills, lows = skill_of_class(_bins(trait.values), dataset.labels, folds, dataset.groups)
        classes = tuple(
            label
            for label, skill, low in zip(dataset.classes, skills, lows, strict=True)
            if skill >= SKILL and low >= SURE
        )
        if classes:
            by_classes.setdefault(classes, []).append((float(skills.max()), float(lows.max()), trait))
    for classes, found in by_classes.items():
        found.sort(key=lambda item: (item[0], item[2].is_column), reverse=True)
        files = tuple(example.file for example in dataset.examples if example.label in classes)
        yield Finding("shortcut", "warning", _sentence_of_classes(dataset, classes, found), files)


def skill_of_class(
    bins: NDArray[np.intp], labels: NDArray[np.str_], folds: NDArray[np.intp], groups: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predict each class against the rest from a binned trait, cross-validated.

    Returns
    -------
    accuracies, lows : float64, shape (n_classes,)
        Balanced accuracy (chance level 0.5), and the lower end of its 95% interval.

    Source: Wilson (1927) for the interval of each rate, with groups as the trials.
    """
    names, truth = np.unique(labels, return_inverse=True)
    is_class = truth[:, None] == np.arange(names.size)
    is_correct = np.zeros(is_class.shape, bool)
    for fold in np.unique(folds):
        train = folds != fold
        counts = np.zeros((bins.max() + 1, names.size))
        np.add.at(counts, (bins[train], truth[train]), 1.0)
        of_class = counts / np.maximum(counts.sum(axis=0), 1)
        others = counts.sum(axis=1, keepdims=True) - counts
        of_others = others / np.maximum(others.sum(axis=0), 1)
        is_correct[~train] = (of_class > of_others)[bins[~train]] == is_class[~train]
    group_of = np.unique(groups, return_inverse=True)[1]
    recall, recall_low = _rate(is_correct & is_class, is_class, group_of)
    specificity, specificity_low = _rate(is_correct & ~is_class, ~is_class, group_of)
    return (recall + specificity) / 2, (recall_low + specificity_low) / 2


def skill_of_number(
    bins: NDArray[np.intp], targets: NDArray[np.float64], folds: NDArray[np.intp], groups: NDArray[np.str_]
) -> tuple[float, float]:
    """Predict the target from a binned trait, cross-validated: R², and the lower end of its 95% interval.

    Source: Fisher (1915) for the interval of the correlation, with groups as the trials.
    """
    predicted = np.empty_like(targets)
    for fold in np.unique(folds):
        train = folds != fold
        sums = np.bincount(bins[train], targets[train], minlength=bins.max() + 1)
        counts = np.bincount(bins[train], minlength=bins.max() + 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), targets[train].mean())
        predicted[~train] = means[bins[~train]]
    spread = float(((targets - targets.mean()) ** 2).sum())
    skill = 1 - float(((predicted - targets) ** 2).sum()) / spread if spread else 0.0
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
    labels = dataset.labels if dataset.task == "classify" else dataset.targets
    return assign(labels, dataset.groups, min(N_FOLDS, n_groups), 0)


def _bins(values: NDArray[np.float64]) -> NDArray[np.intp]:
    different = np.unique(values)
    if different.size <= FEW_VALUES:
        return np.searchsorted(different, values)
    edges = np.unique(np.quantile(values, np.arange(1, N_BINS) / N_BINS))
    return np.searchsorted(edges, values, side="right")


def _rate(
    is_correct: NDArray[np.bool_], is_counted: NDArray[np.bool_], group_of: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rate of each class, the mean over groups, and its lower bound."""
    totals = np.zeros((group_of.max() + 1, is_correct.shape[1]))
    hits = np.zeros_like(totals)
    np.add.at(totals, group_of, is_counted)
    np.add.at(hits, group_of, is_correct)
    n = np.maximum((totals > 0).sum(axis=0), 1)
    rate = (hits / np.maximum(totals, 1)).sum(axis=0) / n
    middle = rate + Z_95**2 / (2 * n)
    reach = Z_95 * np.sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n**2))
    return rate, (middle - reach) / (1 + Z_95**2 / n)


def _sentence_of_classes(dataset: Dataset, classes: tuple[str, ...], found: list[tuple[float, float, Trait]]) -> str:
    skill, low, trait = found[0]
    claim = f"{trait.name} alone predicts {listed([repr(label) for label in classes])} against the rest"
    if len(classes) == len(dataset.classes):
        claim = f"{trait.name} alone predicts the class"
    score = f"balanced accuracy {skill:.2f}, 95% interval from {low:.2f}; chance level 0.50"
    where = "; ".join(f"{label!r}: {_span(trait, trait.values[dataset.labels == label])}" for label in classes[:3])
    if len(classes) < len(dataset.classes):
        where += f"; the others: {_span(trait, trait.values[~np.isin(dataset.labels, classes)])}"
    also = [other.name for _, _, other in found[1:]]
    beside = f" So {'do' if len(also) > 1 else 'does'} {listed(also)}." if also else ""
    return (
        f"{claim[0].upper()}{claim[1:]} ({score}): {where}.{beside} A model may learn that instead of the sound. "
        "Record every class under every condition, or test on a condition not seen in training."
    )


def _sentence_of_number(trait: Trait, skill: float, low: float) -> str:
    name = f"{trait.name[0].upper()}{trait.name[1:]}"
    return (
        f"{name} alone predicts the target (R² {skill:.2f}, 95% interval from {low:.2f}; predicting the mean "
        "gives 0). Unless that is the effect to learn, a model may use it instead of the sound: group by it, or record "
        "every value under every condition."
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
