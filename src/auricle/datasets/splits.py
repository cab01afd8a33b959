"""Group-wise splits for cross-validation and hold-out: every group, so every recording, is on one side only."""

from collections.abc import Iterator
from dataclasses import InitVar, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.errors import DataError, SplitError, UsageError

__all__ = ["FEW_GROUPS", "Fold", "assign", "check", "folds_of", "hold_out"]

FEW_GROUPS = 10
"""Up to this number of groups, cross-validation leaves out one group at a time."""

_STRATA = 10  # targets are stratified by deciles of their ranks

Indices: TypeAlias = NDArray[np.intp]
Names: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Indices of the training and test examples.

    Parameters
    ----------
    train, test : intp, shape (n_train,) and (n_test,)
        Ascending indices into the dataset.
    groups : str, shape (n,)
        Group of every example of the dataset; checked, not kept.

    Raises
    ------
    SplitError
        A side is empty, or a group is on both.
    """

    train: Indices
    test: Indices
    groups: InitVar[Names]

    def __post_init__(self, groups: Names) -> None:
        if self.train.size == 0 or self.test.size == 0:
            raise SplitError(
                f"a fold must have training and test examples. Got {self.train.size} and {self.test.size}."
            )
        shared = np.intersect1d(groups[self.train], groups[self.test])
        if shared.size:
            raise SplitError(
                f"a group must be on one side of a split. {str(shared[0])!r} is in both training and test"
                f"{f', and so are {shared.size - 1} others' if shared.size > 1 else ''}. Split by a coarser column."
            )


def folds_of(dataset: Dataset, *, n_folds: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """Split a dataset for cross-validation: every example is in the test part of exactly one fold.

    Published folds are used if the dataset was loaded with them. Otherwise up to `FEW_GROUPS` groups are left out one
    at a time; more are assigned to folds as whole groups, stratified by class or target.

    Raises
    ------
    DataError
        A single class, or a constant target.
    SplitError
        A single group, a class in a single group, or published folds that split a group.
    UsageError
        ``n_folds`` is below 2.

    Examples
    --------
    >>> from pathlib import Path
    >>> from auricle.datasets.dataset import Example
    >>> names = {"a1": "dog", "a2": "cat", "b1": "dog", "b2": "cat"}
    >>> examples = (Example(Path(f"{name}.wav"), label, None, group=name[0]) for name, label in names.items())
    >>> [fold.test.tolist() for fold in folds_of(Dataset(tuple(examples), "classify"))]
    [[0, 1], [2, 3]]
    """
    if n_folds < 2:
        raise UsageError(f"`n_folds` must be at least 2. Got {n_folds}.")
    check(dataset)
    groups = dataset.groups
    if dataset.folds is not None:
        return tuple(_leave_one_out(dataset, dataset.folds))
    if np.unique(groups).size <= max(FEW_GROUPS, n_folds):
        return tuple(_leave_one_out(dataset, groups))
    labels = dataset.labels if dataset.task == "classify" else dataset.targets
    return tuple(_leave_one_out(dataset, assign(labels, groups, n_folds, seed)))


def hold_out(dataset: Dataset, fraction: float = 0.2, *, seed: int = 0) -> Fold:
    """Hold out whole groups as a test set: about this fraction of every class, or of the range of the target.

    A class keeps at least one group on either side.

    Raises
    ------
    DataError, SplitError
        As of :func:`folds_of`.
    UsageError
        ``fraction`` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"`fraction` must lie between 0 and 1. Got {fraction}.")
    check(dataset)
    names, group_of = np.unique(dataset.groups, return_inverse=True)
    if dataset.task == "classify":
        strata = np.unique(dataset.labels, return_inverse=True)[1]
    else:
        # At least one group from either half of the range: R² needs targets that differ.
        strata = _strata(dataset.targets, group_of, max(2 if names.size >= 4 else 1, int(names.size * fraction)))
    counts = _counts(group_of, strata)
    is_held_out = _draw(counts, fraction, np.random.default_rng(seed))
    is_test = is_held_out[group_of]
    untested = (
        [c for c in range(counts.shape[1]) if not counts[is_held_out, c].any()] if dataset.task == "classify" else []
    )
    if untested:
        raise SplitError(
            f"{dataset.source}: every class must be in both training and test. {dataset.classes[untested[0]]!r} "
            "cannot: its groups are needed for other classes. Record it in more groups, or leave it out."
        )
    return Fold(np.flatnonzero(~is_test), np.flatnonzero(is_test), dataset.groups)


def assign(labels: Names | NDArray[np.float64], groups: Names, n_folds: int, seed: int) -> Indices:
    """Assign whole groups to folds, stratified by class or by the range of the target.

    The largest groups come first, each to the fold where its classes are scarcest; the seed breaks ties.
    The order of the examples does not matter.

    Parameters
    ----------
    labels : str or float64, shape (n,)
        Classes or targets.
    groups : str, shape (n,)
    n_folds : int
        At most the number of groups.

    Returns
    -------
    intp, shape (n,)
        Fold of each example, 0 to ``n_folds`` - 1; none is empty.

    Source: the greedy rule of scikit-learn's StratifiedGroupKFold, with classes weighted alike.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    if names.size < n_folds:
        raise SplitError(
            f"there must be at least as many groups as folds. Got {names.size} groups for {n_folds} folds."
        )
    if labels.dtype.kind == "f":
        strata = _strata(np.asarray(labels, np.float64), group_of, max(1, names.size // n_folds))
    else:
        strata = np.unique(labels, return_inverse=True)[1]
    counts = _counts(group_of, strata)
    shares = counts / counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(names.size)
    order = order[np.argsort(-(shares[order] ** 2).sum(axis=1), kind="stable")]
    assigned = np.zeros((n_folds, counts.shape[1]))
    sizes = np.zeros(n_folds)
    fold_of_group = np.empty(names.size, np.intp)
    for group in order:
        scarcity = np.round(assigned @ shares[group], 12)
        fold = int(np.lexsort((sizes, scarcity))[0])
        assigned[fold] += shares[group]
        sizes[fold] += counts[group].sum()
        fold_of_group[group] = fold
    fold_of_example: Indices = fold_of_group[group_of]
    return fold_of_example


def _draw(counts: NDArray[np.int64], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose groups to hold out: class by class, the rarest first, until each has its share."""
    held = np.zeros(len(counts), bool)
    order = rng.permutation(len(counts))
    for stratum in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        wanted = fraction * counts[:, stratum].sum()
        for group in order[counts[order, stratum] > 0]:
            have = counts[held, stratum].sum()
            if have and have + counts[group, stratum] / 2 > wanted:
                break
            left = counts[~held].sum(axis=0) - counts[group]
            if not held[group] and left.all():
                held[group] = True
    return held


def _leave_one_out(dataset: Dataset, parts: NDArray[np.str_] | Indices) -> Iterator[Fold]:
    names = np.unique(parts)
    if names.size < 2:
        raise SplitError(
            f"{dataset.source}: there must be at least 2 folds. All examples are in fold {str(names[0])!r}."
        )
    for name in names:
        is_test = parts == name
        fold = Fold(np.flatnonzero(~is_test), np.flatnonzero(is_test), dataset.groups)
        unseen = np.setdiff1d(dataset.labels[fold.test], dataset.labels[fold.train])
        if unseen.size:
            raise SplitError(
                f"{dataset.source}: every class must be in at least 2 folds, for training and test. "
                f"{str(unseen[0])!r} is only in fold {str(name)!r}. Record it in more groups, or leave it out."
            )
        yield fold


def check(dataset: Dataset) -> None:
    """Check that a dataset can be split by its groups.

    Raises
    ------
    DataError
        A single class, or a constant target.
    SplitError
        A single group, or a class in a single group.
    """
    names, sizes = np.unique(dataset.groups, return_counts=True)
    by = "the recording" if dataset.group_column is None else f"`group` {dataset.group_column!r}"
    if dataset.task == "regress":
        if np.ptp(dataset.targets) == 0:
            raise DataError(
                f"{dataset.source}: the targets must differ. All {len(dataset)} are {dataset.targets[0]:g}."
            )
    elif len(dataset.classes) < 2:
        raise DataError(f"{dataset.source}: there must be at least 2 classes. All examples are {dataset.classes[0]!r}.")
    if names.size < 2:
        raise SplitError(
            f"{dataset.source}: the examples must be in at least 2 groups. By {by}, all {sizes[0]} are in "
            f"{str(names[0])!r}: name another column with `group`, or record more."
        )
    for label in dataset.classes:
        of_class = dataset.groups[dataset.labels == label]
        if np.unique(of_class).size < 2:
            how_many = "its only recording is" if of_class.size == 1 else f"all {of_class.size} of its examples are"
            raise SplitError(
                f"{dataset.source}: a class must be in at least 2 groups, for training and test. Of {label!r}, "
                f"{how_many} in {str(of_class[0])!r}, by {by}: record more of it, or leave it out."
            )


def _strata(targets: NDArray[np.float64], group_of: Indices, n_max: int) -> Indices:
    """Sort the groups by mean target, cut them into equal strata, and return the stratum of each example."""
    sizes = np.bincount(group_of)
    means = np.bincount(group_of, targets) / sizes
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    strata: Indices = (ranks * min(_STRATA, n_max) // sizes.size)[group_of]
    return strata


def _counts(group_of: Indices, strata: Indices) -> NDArray[np.int64]:
    """Return the number of examples of each stratum in each group, shape (n_groups, n_strata)."""
    counts = np.zeros((group_of.max() + 1, strata.max() + 1), np.int64)
    np.add.at(counts, (group_of, strata), 1)
    return counts
