"""Kinship: recordings of different groups that sound as alike as one machine, speaker or session does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.inspection.duplicates import Duplicate
from auricle.inspection.findings import Finding, answers_of, listed, repeats, split_units

__all__ = ["GroupLeakage", "find_group_leakage", "group_leakage"]

MAX_ASKED = 2000
"""Recordings whose nearest neighbour is looked for; of more, so many are drawn."""
N_SHUFFLES = 50
LIFT, SURE = 0.15, 3.0
"""How far the share of kin among nearest neighbours must exceed what chance gives, and in its standard deviations."""
MIN_VALUES = 3
MIN_COUNTED = 20
"""Recordings that must have kin outside of their group, for their share to mean anything."""
CHUNK = 256
BEGINNING = "beginning of the file name (up to its last number)"


@dataclass(frozen=True, slots=True)
class GroupLeakage:
    """How often a recording's nearest neighbour, across a split, has the same value in a column.

    Parameters
    ----------
    share : of the recordings that have kin across a split
    by_chance, deviation : the same when the column's values are dealt out anew within each class: mean and standard
        deviation
    n_values : different values of the column
    """

    share: float
    by_chance: float
    deviation: float
    n_values: int

    @property
    def lift(self) -> float:
        """How far the share exceeds chance; 0 where it could be chance."""
        lift = self.share - self.by_chance
        return lift if lift >= max(LIFT, SURE * self.deviation) else 0.0


def find_group_leakage(
    dataset: Dataset,
    rows: NDArray[np.float32],
    duplicates: Sequence[Duplicate] = (),
    *,
    blocks: NDArray[np.intp] | None = None,
) -> Iterator[Finding]:
    """Yield a finding for the column by which recordings of different groups resemble each other most, if any do.

    The commonest leak is a column that nobody grouped by: pieces of one session, or words of one speaker, stand on
    both sides of every split. They show in that a recording's nearest neighbour is its kin far more often than chance
    would have it among recordings of its own class.

    Parameters
    ----------
    rows : what each recording sounds like, float32, shape (n, d)
    duplicates : pairs that are reported already, and do not count as neighbours
    blocks : the folds that a training splits them by, shape (n,); None for groups
    """
    columns = _columns(dataset)
    sides, by = split_units(dataset, blocks)
    if not columns or np.unique(sides).size < 3:
        return
    asked, neighbours = _nearest(rows, sides, duplicates)
    strata = _strata(dataset)
    found = {name: group_leakage(values, strata, sides, asked, neighbours) for name, values in columns.items()}
    kin = [(name, one) for name, one in found.items() if one is not None and one.lift]
    if not kin:
        return
    kin.sort(key=lambda pair: (pair[0] != BEGINNING, pair[1].lift), reverse=True)
    (name, best), others = kin[0], [other for other, _ in kin[1:]]
    column = name if name != BEGINNING else "a column that says what they come from"
    also = f" {listed(others)} {'show' if len(others) > 1 else 'shows'} the same." if others else ""
    # Who has named groups or folds has thought about what will be new; who has not is warned.
    is_chosen = dataset.group_column is not None or dataset.folds is not None
    yield Finding(
        "group_leakage",
        "note" if is_chosen else "warning",
        f"Recordings with the same {name} sound alike, and split by {by} they stand on both sides: "
        f"{best.share:.0%} have their nearest neighbour among their kin, where chance gives {best.by_chance:.1%} "
        f"({best.n_values} values).{also} A score will hold for those only: where others will be heard, group by "
        f"{column}.",
    )


def group_leakage(
    values: NDArray[np.intp],
    strata: NDArray[np.intp],
    sides: NDArray[Any],
    asked: NDArray[np.intp],
    neighbours: NDArray[np.intp],
    *,
    seed: int = 0,
) -> GroupLeakage | None:
    """Count kin among nearest neighbours.

    Parameters
    ----------
    values : the column's value of each recording, as a code, shape (n,)
    strata : within which values are dealt out anew: the class, shape (n,)
    sides : what a split keeps together, shape (n,)
    asked, neighbours : recordings, and the nearest of each outside of its side, shape (m,)

    Returns
    -------
    None where fewer than 20 recordings have kin on another side
    """
    pairs = np.unique(np.stack([values, np.unique(sides, return_inverse=True)[1]]), axis=1)[0]
    has_kin = np.bincount(pairs, minlength=values.max() + 1) > 1
    counted = has_kin[values[asked]]
    if counted.sum() < MIN_COUNTED:
        return None
    asked, neighbours = asked[counted], neighbours[counted]
    share = float((values[asked] == values[neighbours]).mean())
    rng, order, chances = np.random.default_rng(seed), np.argsort(strata, kind="stable"), []
    for _ in range(N_SHUFFLES):
        dealt = np.empty_like(values)
        dealt[order] = values[order[np.lexsort((rng.random(values.size), strata[order]))]]
        chances.append((dealt[asked] == dealt[neighbours]).mean())
    return GroupLeakage(share, float(np.mean(chances)), float(np.std(chances)), int(np.unique(values).size))


def _nearest(
    rows: NDArray[np.float32], sides: NDArray[Any], duplicates: Sequence[Duplicate], *, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return recordings, and the nearest one to each that is neither of its side nor its duplicate."""
    scale = rows.std(axis=0, dtype=np.float64)
    points = ((rows - rows.mean(axis=0, dtype=np.float64)) / np.where(scale > 0, scale, 1)).astype(np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    codes = np.unique(sides, return_inverse=True)[1]
    twins: dict[int, list[int]] = {}
    for pair in duplicates:
        twins.setdefault(pair.first, []).append(pair.second)
        twins.setdefault(pair.second, []).append(pair.first)
    n = len(rows)
    asked = np.arange(n)
    if n > MAX_ASKED:
        asked = np.sort(np.random.default_rng(seed).choice(n, MAX_ASKED, replace=False))
    neighbours = np.empty(asked.size, np.intp)
    for start in range(0, asked.size, CHUNK):
        some = asked[start : start + CHUNK]
        apart = squares - 2 * (points[some] @ points.T)
        apart[codes[some][:, None] == codes] = np.inf
        for row, index in enumerate(some):
            apart[row, twins.get(int(index), [])] = np.inf
        neighbours[start : start + some.size] = apart.argmin(axis=1)
    return asked, neighbours


def _columns(dataset: Dataset) -> dict[str, NDArray[np.intp]]:
    """Return the columns that could be a machine, speaker or session; without any, what file names begin with."""
    texts = {
        f"`{column}`": [example.metadata.get(column, "").strip() for example in dataset.examples]
        for column in dataset.examples[0].metadata
        if column != dataset.group_column
    }
    if dataset.group_column is None:
        texts[BEGINNING] = [re.sub(r"\d+\D*$", "", example.file.stem) for example in dataset.examples]
    answers = answers_of(dataset)
    columns = {}
    for name, values in texts.items():
        different, codes = np.unique(values, return_inverse=True)
        if MIN_VALUES <= different.size < len(values) and "" not in different and not repeats(values, answers):
            columns[name] = codes
    return columns


def _strata(dataset: Dataset) -> NDArray[np.intp]:
    if dataset.task == "classify":
        return np.unique(dataset.labels, return_inverse=True)[1]
    ranks = np.argsort(np.argsort(dataset.targets, kind="stable"), kind="stable")
    return ranks * min(10, len(ranks)) // len(ranks)
