"""Group leakage: recordings of one machine, speaker or session that a split does not keep together."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.inspection.duplicates import Duplicate
from auricle.inspection.findings import Finding, is_label_copy, label_texts, listed, split_units

__all__ = ["GroupLeakage", "find_group_leakage", "group_leakage"]

MAX_QUERIES = 2000
"""Recordings whose nearest neighbour is searched; of more, a random sample."""
N_SHUFFLES = 50
LIFT, SURE = 0.15, 3.0
"""Excess over chance of the share of related nearest neighbours: absolute, and in standard deviations."""
MIN_VALUES = 3
MIN_COUNTED = 20
"""Fewest recordings with related ones on another side of the split."""
CHUNK = 256
BEGINNING = "beginning of the file name (up to its last number)"


@dataclass(frozen=True, slots=True)
class GroupLeakage:
    """How often the nearest neighbour of a recording, across a split, has the same value in a column.

    Parameters
    ----------
    share : float
        Of the recordings with related ones across the split.
    by_chance, deviation : float
        Mean and standard deviation of the share when the column is shuffled within each class.
    n_values : int
        Different values of the column.
    """

    share: float
    by_chance: float
    deviation: float
    n_values: int

    @property
    def lift(self) -> float:
        """Excess of the share over chance; 0 if it is not significant."""
        lift = self.share - self.by_chance
        return lift if lift >= max(LIFT, SURE * self.deviation) else 0.0


def find_group_leakage(
    dataset: Dataset,
    rows: NDArray[np.float32],
    duplicates: Sequence[Duplicate] = (),
    *,
    blocks: NDArray[np.intp] | None = None,
) -> Iterator[Finding]:
    """Yield a finding for the column with the strongest group leakage, if any.

    The commonest leak is a column that the split ignores: pieces of one session, or words of one speaker, are on both
    sides. Then the nearest neighbour of a recording is related to it far more often than by chance within its class.

    Parameters
    ----------
    dataset : Dataset
    rows : float32, shape (n, d)
        Standard row of each recording.
    duplicates : sequence of Duplicate
        Pairs reported already, which do not count as neighbours.
    blocks : intp, shape (n,), optional
        Folds of a training; None for groups.
    """
    columns = _columns(dataset)
    sides, by = split_units(dataset, blocks)
    if not columns or np.unique(sides).size < 3:
        return
    queries, neighbours = _nearest(rows, sides, duplicates)
    strata = _strata(dataset)
    found = {name: group_leakage(values, strata, sides, queries, neighbours) for name, values in columns.items()}
    leaking = [(name, leakage) for name, leakage in found.items() if leakage is not None and leakage.lift]
    if not leaking:
        return
    leaking.sort(key=lambda pair: (pair[0] != BEGINNING, pair[1].lift), reverse=True)
    (name, best), others = leaking[0], [other for other, _ in leaking[1:]]
    column = name if name != BEGINNING else "a column of their origin"
    also = f" {listed(others)} {'show' if len(others) > 1 else 'shows'} the same." if others else ""
    # Named groups or folds are a choice; without them, warn.
    is_chosen = dataset.group_column is not None or dataset.folds is not None
    yield Finding(
        "kinship",
        "note" if is_chosen else "warning",
        f"Recordings with the same {name} sound alike, and a split by {by} puts them on both sides: the nearest "
        f"neighbour of {best.share:.0%} has the same {name}, by chance {best.by_chance:.1%} ({best.n_values} values)."
        f"{also} Scores hold for these values only: if the model will meet new ones, group by {column}.",
    )


def group_leakage(
    values: NDArray[np.intp],
    strata: NDArray[np.intp],
    sides: NDArray[Any],
    queries: NDArray[np.intp],
    neighbours: NDArray[np.intp],
    *,
    seed: int = 0,
) -> GroupLeakage | None:
    """Measure how often nearest neighbours have the same value in a column.

    Parameters
    ----------
    values : intp, shape (n,)
        Code of the column's value.
    strata : intp, shape (n,)
        Class; values are shuffled within it.
    sides : shape (n,)
        Unit that a split keeps together.
    queries, neighbours : intp, shape (m,)
        Recordings, and the nearest of each in another unit.
    seed : int

    Returns
    -------
    GroupLeakage or None
        None if fewer than 20 recordings have related ones in another unit.
    """
    pairs = np.unique(np.stack([values, np.unique(sides, return_inverse=True)[1]]), axis=1)[0]
    has_related = np.bincount(pairs, minlength=values.max() + 1) > 1
    counted = has_related[values[queries]]
    if counted.sum() < MIN_COUNTED:
        return None
    queries, neighbours = queries[counted], neighbours[counted]
    share = float((values[queries] == values[neighbours]).mean())
    rng, order, chances = np.random.default_rng(seed), np.argsort(strata, kind="stable"), []
    for _ in range(N_SHUFFLES):
        shuffled = np.empty_like(values)
        shuffled[order] = values[order[np.lexsort((rng.random(values.size), strata[order]))]]
        chances.append((shuffled[queries] == shuffled[neighbours]).mean())
    return GroupLeakage(share, float(np.mean(chances)), float(np.std(chances)), int(np.unique(values).size))


def _nearest(
    rows: NDArray[np.float32], sides: NDArray[Any], duplicates: Sequence[Duplicate], *, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return recordings, and the nearest of each that is neither in its unit nor its duplicate."""
    scale = rows.std(axis=0, dtype=np.float64)
    points = ((rows - rows.mean(axis=0, dtype=np.float64)) / np.where(scale > 0, scale, 1)).astype(np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    codes = np.unique(sides, return_inverse=True)[1]
    duplicates_of: dict[int, list[int]] = {}
    for pair in duplicates:
        duplicates_of.setdefault(pair.first, []).append(pair.second)
        duplicates_of.setdefault(pair.second, []).append(pair.first)
    n = len(rows)
    queries = np.arange(n)
    if n > MAX_QUERIES:
        queries = np.sort(np.random.default_rng(seed).choice(n, MAX_QUERIES, replace=False))
    neighbours = np.empty(queries.size, np.intp)
    for start in range(0, queries.size, CHUNK):
        chunk = queries[start : start + CHUNK]
        distances = squares - 2 * (points[chunk] @ points.T)
        distances[codes[chunk][:, None] == codes] = np.inf
        for row, index in enumerate(chunk):
            distances[row, duplicates_of.get(int(index), [])] = np.inf
        neighbours[start : start + chunk.size] = distances.argmin(axis=1)
    return queries, neighbours


def _columns(dataset: Dataset) -> dict[str, NDArray[np.intp]]:
    """Return the columns that could be a machine, speaker or session, and without groups file name beginnings."""
    texts = {
        f"`{column}`": [example.metadata.get(column, "").strip() for example in dataset.examples]
        for column in dataset.named_columns
        if column != dataset.group_column
    }
    if dataset.group_column is None:
        texts[BEGINNING] = [re.sub(r"\d+\D*$", "", example.file.stem) for example in dataset.examples]
    labels = label_texts(dataset)
    columns = {}
    for name, values in texts.items():
        different, codes = np.unique(values, return_inverse=True)
        if MIN_VALUES <= different.size < len(values) and "" not in different and not is_label_copy(values, labels):
            columns[name] = codes
    return columns


def _strata(dataset: Dataset) -> NDArray[np.intp]:
    if dataset.task == "classify":
        return np.unique(dataset.labels, return_inverse=True)[1]
    ranks = np.argsort(np.argsort(dataset.targets, kind="stable"), kind="stable")
    return ranks * min(10, len(ranks)) // len(ranks)
