"""What both models answered to recordings that neither trained on, and how they did: as a whole, and class by class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import DataError
from auricle.evaluation.scores import accuracy, balanced_accuracy, losses, mean_absolute_error
from auricle.lifecycle.paired_tests import holm, p_of_gain

__all__ = ["MIN_BLOCKS", "ClassScore", "PairedPredictions", "Score", "Where", "by_class", "score"]

MIN_BLOCKS: Final = 8
"""Fewest groups that a test is made by; of fewer, each recording stands for itself, and the test for those groups."""

Where = Literal["hold-out", "recent"]


@dataclass(frozen=True, slots=True, eq=False)
class PairedPredictions:
    """Recordings that both models answered and neither trained on.

    Parameters
    ----------
    where : the hold-out of the original data, or what was labelled since
    truth : labels, str, or numbers, float64, shape (n,)
    champion, challenger : what they answered, of the same kind, shape (n,)
    groups : recordings of one group are not independent, shape (n,)
    """

    where: Where
    truth: NDArray[Any]
    champion: NDArray[Any]
    challenger: NDArray[Any]
    groups: NDArray[np.str_]

    def __post_init__(self) -> None:
        lengths = {len(array) for array in (self.truth, self.champion, self.challenger, self.groups)}
        if len(lengths) != 1:
            raise DataError(f"Both models must answer the same recordings of the {self.where}. Got {sorted(lengths)}.")

    @property
    def is_classified(self) -> bool:
        """Whether answers are classes."""
        return self.truth.dtype.kind != "f"


@dataclass(frozen=True, slots=True)
class Score:
    """How both models did on one set of recordings.

    Parameters
    ----------
    where : the hold-out, or what was labelled since
    n_recordings, n_groups : how much it rests on
    champion, challenger : balanced accuracy over classes that the champion knows; of numbers the mean absolute error
    champion_accuracy, challenger_accuracy : over all recordings, those of new classes among them; None for numbers
    won, lost : recordings on which the challenger came closer to the truth, and on which the champion did
    p_better, p_worse : one-sided, by ``tested_by``
    tested_by : what counts once in a test
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
    tested_by: Literal["group", "recording"]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How both models did on one class that both know.

    Parameters
    ----------
    champion, challenger : part of its recordings that was recognised
    won, lost : recordings that the challenger alone recognised, and that the champion alone did
    p_worse : of the exact paired test, one-sided, as it is among all classes of the set (Holm)
    has_fallen : by more than the margin, and significantly
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


def score(one: PairedPredictions, new_classes: Sequence[str] = ()) -> Score:
    """Score both models on one set of recordings.

    Parameters
    ----------
    new_classes : those that the champion does not know: its answers to them are wrong and count in the paired test,
        and not in balanced accuracy
    """
    gains = _gains(one)
    n_groups = np.unique(one.groups).size
    blocks = one.groups if n_groups >= MIN_BLOCKS else None
    return Score(
        where=one.where,
        n_recordings=len(one.truth),
        n_groups=n_groups,
        champion=_score(one, one.champion, new_classes),
        challenger=_score(one, one.challenger, new_classes),
        champion_accuracy=accuracy(one.truth, one.champion) if one.is_classified else None,
        challenger_accuracy=accuracy(one.truth, one.challenger) if one.is_classified else None,
        won=int((gains > 0).sum()),
        lost=int((gains < 0).sum()),
        p_better=p_of_gain(gains, blocks),
        p_worse=p_of_gain(-gains, blocks),
        tested_by="recording" if blocks is None else "group",
    )


def by_class(
    one: PairedPredictions, new_classes: Sequence[str] = (), *, rate: float, margin: float
) -> Iterator[ClassScore]:
    """Score both models on each class that both know; yields nothing for numbers.

    Parameters
    ----------
    rate : of sets in which an equal challenger seems to have lost a class
    margin : what a class may lose, whatever the test says
    """
    if not one.is_classified:
        return
    gains = _gains(one)
    labels = [str(label) for label in np.unique(one.truth) if label not in new_classes]
    p_worse = holm([p_of_gain(-gains[one.truth == label]) for label in labels])
    for label, p in zip(labels, p_worse, strict=True):
        of_class = one.truth == label
        truth = one.truth[of_class]
        champion, challenger = (accuracy(truth, predicted[of_class]) for predicted in (one.champion, one.challenger))
        yield ClassScore(
            where=one.where,
            label=label,
            n_recordings=len(truth),
            champion=champion,
            challenger=challenger,
            won=int((gains[of_class] > 0).sum()),
            lost=int((gains[of_class] < 0).sum()),
            p_worse=p,
            has_fallen=champion - challenger > margin and p < rate,
        )


def _gains(one: PairedPredictions) -> NDArray[np.float64]:
    """Return what the challenger has over the champion on each recording, shape (n,)."""
    champion, challenger = (
        losses(one.truth, predicted, is_class=one.is_classified) for predicted in (one.champion, one.challenger)
    )
    return np.asarray(champion - challenger)


def _score(one: PairedPredictions, predicted: NDArray[Any], new_classes: Sequence[str]) -> float:
    """Return the balanced accuracy over classes that the champion knows, 0 where there are none, or the mean error."""
    if not one.is_classified:
        return mean_absolute_error(one.truth, predicted)
    known = [label for label in np.unique(one.truth) if label not in new_classes]
    return balanced_accuracy(one.truth, predicted, known) if known else 0.0
