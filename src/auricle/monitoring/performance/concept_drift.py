"""Concept drift: whether the same sounds came to mean something else, seen in the stream of errors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.monitoring.drift.resampling import MANY_GROUPS
from auricle.monitoring.sources.sample import Sample, to_datetime

__all__ = ["DETECTORS", "ConceptDrift", "concept_drift", "evidence"]

ADWIN_DELTA = 0.002
HDDM_CONFIDENCE = 0.001

CHANGED = 0.2
"""Part of the labels that mean something else where the cumulated sum is most alert."""
LEAST = 0.005
"""Probability of a label that is told, however sure the model is of another: a slip must not outweigh all others."""
CUSUM_RISE = 0.1
"""By which the error rate of numbers, or of answers without probabilities, rises where it is most alert."""
CUSUM_LIMIT = float(np.log(5000 / 0.01))
"""That a sum reaches in one of a hundred streams of 5,000 labels at most, where the error rate is what it was."""

DETECTORS = ("ADWIN", "HDDM_A", "CUSUM")
MAX_WARM = 1000
"""Errors of the recordings of training that a detector hears first, so that it knows what is usual."""


class _Detector(Protocol):
    @property
    def drift_detected(self) -> bool:
        """Whether it sees a change now."""

    def update(self, x: float) -> object:
        """Take the next error."""


@dataclass(frozen=True, slots=True)
class ConceptDrift:
    """Where the error rose.

    Parameters
    ----------
    detector : which saw it first, "" where none did
    label : how many labels had come, or None
    at : when the recording was asked about at which it was seen, in UTC, where that is known
    before, after : mean error up to there among the recordings of training, and from half as many labels before on
    """

    detector: str = ""
    label: int | None = None
    at: datetime | None = None
    before: float | None = None
    after: float | None = None

    @property
    def is_found(self) -> bool:
        """Whether the error rose."""
        return self.label is not None

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"at": None if self.at is None else self.at.isoformat()}


def evidence(reference: Sample, labelled: Sample) -> NDArray[np.float64] | None:
    """Return by how much each label is likelier if a part of all labels means something else: logarithms, shape (n,).

    A label where the model was sure of another says more than any error. If a part of all labels is one of the classes
    at random, a label of probability p has (1 - part) p + part / classes.

    Parameters
    ----------
    reference : recordings of training, answered out of fold
    labelled : of the same model

    Returns
    -------
    None where the model answers with a number
    """
    if not reference.classes:
        return None
    # On the mean, labels of training must be no likelier under a change; probabilities are not calibrated that well.
    raised = np.exp(_evidence(reference))
    _, members = np.unique(reference.groups, return_inverse=True)
    spread = np.bincount(members, raised - raised.mean())  # recordings of one group err together
    most = raised.mean() + float(np.sqrt(np.square(spread).sum())) / len(raised)
    return np.asarray(_evidence(labelled) - np.log(most))


def _evidence(sample: Sample) -> NDArray[np.float64]:
    told = np.asarray(sample.classes) == sample.truth[:, np.newaxis]
    p = np.maximum((sample.outputs * told).sum(axis=1, dtype=np.float64), LEAST)
    return np.asarray(np.log((1.0 - CHANGED) + CHANGED / (len(sample.classes) * p)))


def concept_drift(
    usual: NDArray[np.float64],
    errors: NDArray[np.float64],
    times: NDArray[np.datetime64],
    *,
    weighed: NDArray[np.float64] | None = None,
    groups: NDArray[np.str_] | None = None,
    seed: int = 0,
) -> ConceptDrift:
    """Watch errors one after the other, and return the first rise; a fall is no drift that anybody minds.

    Labels of one group err together: where there are many groups, those that come in a row count as one, by their mean.
    Eight wrong answers to one child in three minutes are one thing that happened, and not eight.

    Parameters
    ----------
    usual : errors on the recordings of training, answered out of fold, in any order
    errors : of the labelled recordings, in the order of their times; 0 or 1, or any size
    times : when they were asked about
    weighed : `evidence` of the same labels, which the cumulated sum then takes in place of the errors
    groups : of the same labels; None where each stands alone

    Raises
    ------
    UsageError : the extra `monitor` is not installed

    Source: Bifet and Gavaldà (2007), ADWIN, and Frías-Blanco et al. (2015), HDDM_A, as in river; Page (1954), CUSUM.
    """
    scale = 1.0 if usual.max(initial=0.0) <= 1.0 else float(np.quantile(usual, 0.99)) or 1.0
    warm = np.random.default_rng(seed).permutation(usual)[:MAX_WARM]
    starts = np.arange(len(errors)) if groups is None else _runs(groups)
    counts = np.diff(starts, append=len(errors))
    together = np.add.reduceat(errors, starts) / counts
    heard, asked = (np.clip(part / scale, 0.0, 1.0) for part in (warm, together))
    found = ConceptDrift()
    for name in DETECTORS:
        if name != "CUSUM":
            place = _rise(name, heard, asked)
        else:
            place = _reached(_steps(heard, asked) if weighed is None else np.add.reduceat(weighed, starts) / counts)
        if place is None:
            continue
        label = int(starts[place] + counts[place])
        if found.label is not None and label >= found.label:
            continue
        found = ConceptDrift(
            name,
            label,
            to_datetime(times[label - 1]),
            before=float(usual.mean()),
            after=float(together[place // 2 : place + 1].mean()),
        )
    return found


def _runs(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return where labels of one group begin that come in a row; where there are few groups, every label."""
    if len(np.unique(groups)) < MANY_GROUPS:
        return np.arange(len(groups))
    return np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))


def _rise(name: str, warm: NDArray[np.float64], errors: NDArray[np.float64]) -> int | None:
    """Return the place of the error at which a detector first sees that errors became larger."""
    detector = _detector(name)
    for error in warm:
        detector.update(float(error))
        if detector.drift_detected:  # by chance: what is usual begins anew
            detector = _detector(name)
    total, n = float(warm.sum()), len(warm)
    for place, error in enumerate(errors):
        usual = total / max(1, n)
        detector.update(float(error))
        if detector.drift_detected:
            if float(errors[max(0, place - RECENT + 1) : place + 1].mean()) > usual:
                return place
            detector = _detector(name)
        total, n = total + float(error), n + 1
    return None


def _steps(usual: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much likelier each error is at a higher rate than at the usual one, as logarithms.

    That is taken from training, by a standard error more. Errors between 0 and 1 count by their size, for which the
    limit holds as well.
    """
    if not usual.size:
        return np.zeros(errors.size)
    rate = (float(usual.sum()) + 1.0) / (usual.size + 2.0)
    low = min(0.9, rate + float(np.sqrt(rate * (1.0 - rate) / usual.size)))
    high = min(0.99, low + CUSUM_RISE)
    return np.asarray(errors * np.log(high / low) + (1.0 - errors) * np.log((1.0 - high) / (1.0 - low)))


def _reached(steps: NDArray[np.float64]) -> int | None:
    """Return the place at which a change since any label before has become so much likelier than none.

    The other detectors learn what is usual from the stream; this one knows it from training, and needs fewer labels.
    """
    sums = np.cumsum(steps)
    least = np.minimum.accumulate(np.concatenate([[0.0], sums]))[:-1]
    reached = np.flatnonzero(sums - least >= CUSUM_LIMIT)
    return int(reached[0]) if reached.size else None


RECENT = 50
"""Errors whose mean tells in which direction they went."""


def _detector(name: str) -> _Detector:
    """Return a new detector; HDDM_A, one-sided, hears rises only."""
    try:
        from river import drift
    except ImportError as error:
        raise UsageError("Concept drift needs the extra `monitor`: pip install 'auricle[monitor]'.") from error
    adwin, hddm = drift.ADWIN, drift.binary.HDDMA
    detector: _Detector = adwin(delta=ADWIN_DELTA) if name == "ADWIN" else hddm(drift_confidence=HDDM_CONFIDENCE)
    return detector
