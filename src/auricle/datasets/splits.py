"""Splits that cannot leak: every group, and so every recording, stands on one side only."""

from collections.abc import Iterator
from dataclasses import InitVar, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.errors import DataError, SplitError, UsageError

__all__ = ["FEW_GROUPS", "Fold", "assign", "check", "folds_of", "hold_out"]

FEW_GROUPS = 10
"""With at most so many groups, each is left out once."""

_STRATA = 10  # a number is spread over the folds by tenths of its range of ranks

Indices: TypeAlias = NDArray[np.intp]
Names: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Where to learn and where to score.

    Parameters
    ----------
    train, test : places in the data set, ascending
    groups : the group of every example of the data set; checked, not kept

    Raises
    ------
    SplitError : a side is empty, or a group stands on both
    """

    train: Indices
    test: Indices
    groups: InitVar[Names]

    def __post_init__(self, groups: Names) -> None:
        if self.train.size == 0 or self.test.size == 0:
            raise SplitError(
                f"a fold must have examples to learn from and to score. Got {self.train.size} and {self.test.size}."
            )
        shared = np.intersect1d(groups[self.train], groups[self.test])
        if shared.size:
            raise SplitError(
                f"a group must stand on one side of a split. {str(shared[0])!r} is in both training and test"
                f"{f', and so are {shared.size - 1} others' if shared.size > 1 else ''}. Split by a coarser column."
            )


def folds_of(dataset: Dataset, *, n_folds: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """Split a data set for cross-validation: every example is in the test part of exactly one fold.

    Published folds are used where the data set was loaded with them. Else, with at most `FEW_GROUPS` groups, each
    is left out once; with more, whole groups are dealt out so that each fold has its share of every class, or of
    the target's range.

    Raises
    ------
    DataError : one class only, or a target that never changes
    SplitError : one group only, a class in one group only, or published folds that tear a group
    UsageError : ``n_folds`` is below 2
    """
    if n_folds < 2:
        raise UsageError(f"`n_folds` must be at least 2. Got {n_folds}.")
    check(dataset)
    groups = dataset.groups
    if dataset.folds is not None:
        return tuple(_leave_one_out(dataset, dataset.folds))
    if np.unique(groups).size <= max(FEW_GROUPS, n_folds):
        return tuple(_leave_one_out(dataset, groups))
    answers = dataset.labels if dataset.task == "classify" else dataset.targets
    dealt = assign(answers, groups, n_folds, seed)
    return tuple(_leave_one_out(dataset, dealt))


def hold_out(dataset: Dataset, fraction: float = 0.2, *, seed: int = 0) -> Fold:
    """Split off whole groups for a last test: about this fraction of every class, or of the target's range.

    A class keeps at least one group on either side.

    Raises
    ------
    DataError, SplitError : as `folds_of`
    UsageError : ``fraction`` is not between 0 and 1
    """
    if not 0 < fraction < 1:
        raise UsageError(f"`fraction` must lie between 0 and 1. Got {fraction}.")
    check(dataset)
    names, group_of = np.unique(dataset.groups, return_inverse=True)
    if dataset.task == "classify":
        strata = np.unique(dataset.labels, return_inverse=True)[1]
    else:
        # From either half of the range one group at least: a score of numbers needs numbers that differ.
        strata = _strata(dataset.targets, group_of, max(2 if names.size >= 4 else 1, int(names.size * fraction)))
    counts = _counts(group_of, strata)
    held = _draw(counts, fraction, np.random.default_rng(seed))
    is_test = held[group_of]
    untested = [c for c in range(counts.shape[1]) if not counts[held, c].any()] if dataset.task == "classify" else []
    if untested:
        raise SplitError(
            f"{dataset.source}: every class must stand in both training and test. {dataset.classes[untested[0]]!r} "
            "cannot: its groups are needed for other classes. Record it in more groups, or leave it out."
        )
    return Fold(np.flatnonzero(~is_test), np.flatnonzero(is_test), dataset.groups)


def assign(answers: Names | NDArray[np.float64], groups: Names, n_folds: int, seed: int) -> Indices:
    """Deal whole groups out to folds so that every fold has its share of each class, or of the target's range.

    The largest groups go first, each to the fold where its classes are scarcest; ties are drawn by the seed.
    The order of the examples does not matter.

    Parameters
    ----------
    answers : shape (n,); text is classes, numbers are targets
    groups : shape (n,)
    n_folds : at most the number of groups

    Returns
    -------
    shape (n,): the fold of each example, 0 to ``n_folds`` - 1; none is empty

    Source: the greedy rule of scikit-learn's StratifiedGroupKFold, with classes weighted alike.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    if names.size < n_folds:
        raise SplitError(
            f"there must be at least as many groups as folds. Got {names.size} groups for {n_folds} folds."
        )
    if answers.dtype.kind == "f":
        strata = _strata(np.asarray(answers, np.float64), group_of, max(1, names.size // n_folds))
    else:
        strata = np.unique(answers, return_inverse=True)[1]
    counts = _counts(group_of, strata)
    shares = counts / counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(names.size)
    order = order[np.argsort(-(shares[order] ** 2).sum(axis=1), kind="stable")]
    held = np.zeros((n_folds, counts.shape[1]))
    sizes = np.zeros(n_folds)
    fold_of_group = np.empty(names.size, np.intp)
    for group in order:
        scarcity = np.round(held @ shares[group], 12)
        fold = int(np.lexsort((sizes, scarcity))[0])
        held[fold] += shares[group]
        sizes[fold] += counts[group].sum()
        fold_of_group[group] = fold
    dealt: Indices = fold_of_group[group_of]
    return dealt


def _draw(counts: NDArray[np.int64], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose groups for a test: class by class, the rarest first, until each has its share."""
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
                f"{dataset.source}: every class must stand in at least 2 folds, to be learned and scored. "
                f"{str(unseen[0])!r} is only in fold {str(name)!r}. Record it in more groups, or leave it out."
            )
        yield fold


def check(dataset: Dataset) -> None:
    """Refuse what no split can make honest.

    Raises
    ------
    DataError : one class only, or a target that never changes
    SplitError : one group only, or a class in one group only
    """
    names, sizes = np.unique(dataset.groups, return_counts=True)
    by = "the recording" if dataset.group_column is None else f"`group` {dataset.group_column!r}"
    if dataset.task == "regress":
        if np.ptp(dataset.targets) == 0:
            raise DataError(
                f"{dataset.source}: the numbers to learn must differ. All {len(dataset)} are {dataset.targets[0]:g}."
            )
    elif len(dataset.classes) < 2:
        raise DataError(f"{dataset.source}: there must be at least 2 classes. All examples are {dataset.classes[0]!r}.")
    if names.size < 2:
        raise SplitError(
            f"{dataset.source}: the examples must fall into at least 2 groups. By {by}, all {sizes[0]} are in "
            f"{str(names[0])!r}: name another column with `group`, or record more."
        )
    for label in dataset.classes:
        of_class = dataset.groups[dataset.labels == label]
        if np.unique(of_class).size < 2:
            how_many = "its only recording is" if of_class.size == 1 else f"all {of_class.size} of its examples are"
            raise SplitError(
                f"{dataset.source}: a class must stand in at least 2 groups, to be learned and scored. Of {label!r}, "
                f"{how_many} in {str(of_class[0])!r}, by {by}: record more of it, or leave it out."
            )


def _strata(targets: NDArray[np.float64], group_of: Indices, most: int) -> Indices:
    """Cut the groups, in the order of their mean target, into equal strata; return each example's."""
    sizes = np.bincount(group_of)
    means = np.bincount(group_of, targets) / sizes
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    strata: Indices = (ranks * min(_STRATA, most) // sizes.size)[group_of]
    return strata


def _counts(group_of: Indices, strata: Indices) -> NDArray[np.int64]:
    """Count the examples of each stratum in each group: shape (n_groups, n_strata)."""
    counts = np.zeros((group_of.max() + 1, strata.max() + 1), np.int64)
    np.add.at(counts, (group_of, strata), 1)
    return counts
