"""Paired predictions of champion and challenger for the same recordings, and their scores: overall and by class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import DataError
from auricle.evaluation.scores import accuracy, balanced_accuracy, losses, mean_absolute_error
from auricle.lifecycle.paired_tests import holm_adjusted, paired_test, sources_agree
from auricle.monitoring.sources.units import time_blocks

__all__ = ["MIN_BLOCKS", "N_BLOCKS", "ClassScore", "PairedPredictions", "Score", "Where", "score", "score_by_class"]

MIN_BLOCKS: Final = 8
"""Fewest groups, or blocks of time, for a test: of four, no sign flip is rarer than 1 in 16. With fewer groups, blocks
of time decide, and a challenger is better for those groups only."""
N_BLOCKS: Final = 20
"""Blocks of time at first: of these, a test finds a gain nearly as well as of single recordings, and what is alike
within a twentieth of the time needs not be seen to be counted once."""
CRITICAL: Final = 2.0
"""Standard deviations of a correlation of neighbouring blocks that makes them longer."""
LEVEL_OVER_TIME: Final = 0.08
"""Level of the test over blocks of time where groups are tested: at this, it holds back no challenger that is 10 points
better, and finds nine in ten gains that are those of single events, heard by many groups at once."""

Where = Literal["hold-out", "recent"]
TestedBy = Literal["group", "time", "recording"]


@dataclass(frozen=True, slots=True, eq=False)
class PairedPredictions:
    """Predictions of both models for recordings that neither was trained on.

    Parameters
    ----------
    where : {"hold-out", "recent"}
        The original data, or recordings labelled since.
    truth : str or float64, shape (n,)
    champion, challenger : str or float64, shape (n,)
        Predictions.
    groups : str, shape (n,)
        Recordings of one group are not independent.
    times : datetime64, shape (n,), optional
        When they were made; NaT where unknown. Unless all are known, only the order within each group counts.
    is_frozen : bool
        Whether no model that is compared has ever been trained on recordings of this set.
    """

    where: Where
    truth: NDArray[Any]
    champion: NDArray[Any]
    challenger: NDArray[Any]
    groups: NDArray[np.str_]
    times: NDArray[np.datetime64] | None = None
    is_frozen: bool = False

    def __post_init__(self) -> None:
        arrays = (self.truth, self.champion, self.challenger, self.groups, self.times)
        lengths = {len(array) for array in arrays if array is not None}
        if len(lengths) != 1:
            raise DataError(f"Both models must predict the same recordings of the {self.where}. Got {sorted(lengths)}.")

    @property
    def is_classified(self) -> bool:
        """Whether the predictions are classes."""
        return self.truth.dtype.kind != "f"


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of both models on one set of recordings.

    Parameters
    ----------
    where : {"hold-out", "recent"}
    n_recordings, n_groups : int
    champion, challenger : float
        Balanced accuracy over classes of the champion; for numbers, the mean absolute error.
    champion_accuracy, challenger_accuracy : float or None
        Accuracy over all recordings, also those of new classes; None for numbers.
    won, lost : int
        Recordings on which the challenger was closer to the truth, and on which the champion was.
    p_better, p_worse : float
        One-sided p-values.
    tested_by : {"group", "time", "recording"}
        Unit of the test: groups; of few groups blocks of time, or recordings where their times are unknown.
    n_units : int
        Number of units.
    is_shared : bool
        Whether the gain is shared: by the sources, where there are too few for a test by group; otherwise over time.
    design_effect : float
        Ratio of the variance of the sum of gains by units to that by recordings.
    is_frozen : bool
        Whether the set was kept out of all training, rather than predicted out of fold.
    """

    where: Where
    n_recordings: int
    n_groups: int
    champion: float
    challenger: float
    champion_accuracy: float | None
    challenger_accuracy: float | None
    won: int
    lost: int
    p_better: float
    p_worse: float
    tested_by: TestedBy
    n_units: int
    is_shared: bool
    design_effect: float
    is_frozen: bool

    @property
    def holds_for(self) -> str:
        """For whom the test holds: empty for all groups like those tested."""
        if self.tested_by == "group":
            return ""
        return "this source" if self.n_groups == 1 else f"these {self.n_groups} sources"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Scores of both models on one class that both know.

    Parameters
    ----------
    where : {"hold-out", "recent"}
    label : str
    n_recordings : int
    champion, challenger : float
        Recall.
    won, lost : int
        Recordings that only the challenger predicted correctly, and that only the champion did.
    p_worse : float
        One-sided exact paired test, adjusted over the classes of the set (Holm).
    has_fallen : bool
        Whether the recall fell significantly, and by more than the margin.
    """

    where: Where
    label: str
    n_recordings: int
    champion: float
    challenger: float
    won: int
    lost: int
    p_worse: float
    has_fallen: bool


def score(pair: PairedPredictions, new_classes: Sequence[str] = ()) -> Score:
    """Score both models on one set of recordings.

    Parameters
    ----------
    pair : PairedPredictions
    new_classes : sequence of str
        Classes that the champion does not know: its predictions for them are wrong and count in the paired test, but
        not in balanced accuracy.
    """
    gains = _gains(pair)
    n_groups = np.unique(pair.groups).size
    within, size = _blocks_within(pair, gains)
    by_group = n_groups >= MIN_BLOCKS
    blocks = pair.groups if by_group else within
    is_shared = paired_test(gains, within) < LEVEL_OVER_TIME if by_group else sources_agree(gains, pair.groups)
    return Score(
        where=pair.where,
        n_recordings=len(pair.truth),
        n_groups=n_groups,
        champion=_score(pair, pair.champion, new_classes),
        challenger=_score(pair, pair.challenger, new_classes),
        champion_accuracy=accuracy(pair.truth, pair.champion) if pair.is_classified else None,
        challenger_accuracy=accuracy(pair.truth, pair.challenger) if pair.is_classified else None,
        won=int((gains > 0).sum()),
        lost=int((gains < 0).sum()),
        p_better=paired_test(gains, blocks),
        p_worse=paired_test(-gains, blocks),
        tested_by="group" if by_group else "recording" if size == 1 else "time",
        n_units=np.unique(blocks).size,
        is_shared=is_shared,
        design_effect=_design_effect(gains, blocks),
        is_frozen=pair.is_frozen,
    )


def score_by_class(
    pair: PairedPredictions, new_classes: Sequence[str] = (), *, rate: float, margin: float
) -> Iterator[ClassScore]:
    """Score both models on each class that both know; yield nothing for numbers.

    Parameters
    ----------
    pair : PairedPredictions
    new_classes : sequence of str
    rate : float
        Share of sets in which an equal challenger seems to lose a class.
    margin : float
        Loss of recall that a class may have, whatever its significance.
    """
    if not pair.is_classified:
        return
    gains = _gains(pair)
    labels = [str(label) for label in np.unique(pair.truth) if label not in new_classes]
    p_worse = holm_adjusted([paired_test(-gains[pair.truth == label]) for label in labels])
    for label, p in zip(labels, p_worse, strict=True):
        of_class = pair.truth == label
        truth = pair.truth[of_class]
        champion, challenger = (accuracy(truth, predicted[of_class]) for predicted in (pair.champion, pair.challenger))
        yield ClassScore(
            where=pair.where,
            label=label,
            n_recordings=len(truth),
            champion=champion,
            challenger=challenger,
            won=int((gains[of_class] > 0).sum()),
            lost=int((gains[of_class] < 0).sum()),
            p_worse=p,
            has_fallen=champion - challenger > margin and p < rate,
        )


def _blocks_within(pair: PairedPredictions, gains: NDArray[np.float64]) -> tuple[NDArray[np.intp], int]:
    """Return blocks that follow each other in time, shape (n,), and their recordings; single ones without times.

    What happens at one time is heard by several sources, so a block of time holds the recordings of all.
    """
    _, sources = np.unique(pair.groups, return_inverse=True)
    means = np.bincount(sources, gains) / np.bincount(sources)
    times = np.full(len(gains), "NaT", "M8[us]") if pair.times is None else pair.times
    is_timed = not np.isnat(times).any()
    series, start = (np.zeros_like(sources), max(1, len(gains) // N_BLOCKS)) if is_timed else (sources, 1)
    order = np.lexsort((times, series)) if is_timed else np.argsort(series, kind="stable")
    found, size = time_blocks(
        (gains - means[sources])[order, None], series[order], start=start, least=MIN_BLOCKS, critical=CRITICAL
    )
    blocks = np.empty(len(gains), np.intp)
    blocks[order] = found
    return blocks, size


def _design_effect(gains: NDArray[np.float64], blocks: NDArray[Any]) -> float:
    _, members = np.unique(blocks, return_inverse=True)
    deviations = gains - gains.mean()
    alone = float((deviations**2).sum())
    return float((np.bincount(members, deviations) ** 2).sum()) / alone if alone else 1.0


def _gains(pair: PairedPredictions) -> NDArray[np.float64]:
    """Return the champion's loss minus the challenger's on each recording, shape (n,)."""
    champion, challenger = (
        losses(pair.truth, predicted, is_class=pair.is_classified) for predicted in (pair.champion, pair.challenger)
    )
    return np.asarray(champion - challenger)


def _score(pair: PairedPredictions, predicted: NDArray[Any], new_classes: Sequence[str]) -> float:
    """Return the balanced accuracy over classes of the champion, 0 without any, or the mean absolute error."""
    if not pair.is_classified:
        return mean_absolute_error(pair.truth, predicted)
    known = [label for label in np.unique(pair.truth) if label not in new_classes]
    return balanced_accuracy(pair.truth, predicted, known) if known else 0.0
