"""Concept drift: a rise of the error rate in the stream of labels, because sounds have come to mean something else.

Three detectors watch the errors in their order: ADWIN and HDDM_A learn the usual rate from the stream, after a warm-up
on out-of-fold errors of the training data; a CUSUM compares each label with the training data directly, and needs
fewer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.monitoring.drift.resampling import MANY_GROUPS
from auricle.monitoring.sources.sample import Sample, to_datetime

__all__ = ["DETECTORS", "ConceptDrift", "concept_drift", "label_evidence"]

ADWIN_DELTA = 0.002
HDDM_CONFIDENCE = 0.001

CHANGED_SHARE = 0.2
"""Share of changed labels to which the CUSUM is most sensitive."""
MIN_PROBABILITY = 0.005
"""Smallest probability of a label, so that one slip cannot outweigh all other labels."""
CUSUM_RISE = 0.1
"""Rise of the error rate to which the CUSUM is most sensitive, where predictions have no probabilities."""
N_STREAM = 5000
"""Labels of a stream, of which without drift at most the rate of a check may raise an alarm."""
USUAL_RATE = 0.01
"""Rate at which ``ADWIN_DELTA`` and ``HDDM_CONFIDENCE`` were chosen; other rates scale them."""

DETECTORS = ("ADWIN", "HDDM_A", "CUSUM")
MAX_WARM_UP = 1000
"""Out-of-fold errors of the training data that a detector sees first."""


class _Detector(Protocol):
    @property
    def drift_detected(self) -> bool:
        """Whether the last error raised an alarm."""

    def update(self, x: float) -> object:
        """Add the next error."""


@dataclass(frozen=True, slots=True)
class ConceptDrift:
    """First rise of the error rate.

    Parameters
    ----------
    detector : str
        Name of the detector that found it first, "" for none.
    label : int or None
        Number of labels up to the detection.
    at : datetime or None
        Time in UTC of the recording at which it was detected, where known.
    before, after : float or None
        Mean error on the training data, and on the second half of the labels up to the detection.
    """

    detector: str = ""
    label: int | None = None
    at: datetime | None = None
    before: float | None = None
    after: float | None = None

    @property
    def is_found(self) -> bool:
        """Whether the error rate rose."""
        return self.label is not None


def label_evidence(reference: Sample, labelled: Sample) -> NDArray[np.float64] | None:
    """Return the log likelihood ratio of each label, changed against unchanged meaning, shape (n,).

    A label that contradicts a confident prediction says more than any other error. If a share of all labels is replaced
    by random classes, a label of probability p has the probability (1 - share) p + share / n_classes.

    Parameters
    ----------
    reference : Sample
        Training data with out-of-fold predictions.
    labelled : Sample
        Labelled recordings, with predictions of the same model.

    Returns
    -------
    float64, shape (n,), or None
        None for regression.
    """
    if not reference.classes:
        return None
    # Imperfect calibration must not look like drift: the mean ratio of training labels, an upper bound of it, is one.
    ratios = np.exp(_log_ratios(reference))
    _, members = np.unique(reference.groups, return_inverse=True)
    deviations = np.bincount(members, ratios - ratios.mean())  # errors within a group are correlated
    mean_ratio = ratios.mean() + float(np.sqrt(np.square(deviations).sum())) / len(ratios)
    return np.asarray(_log_ratios(labelled) - np.log(mean_ratio))


def _log_ratios(sample: Sample) -> NDArray[np.float64]:
    is_label = np.asarray(sample.classes) == sample.truth[:, np.newaxis]
    p = np.maximum((sample.outputs * is_label).sum(axis=1, dtype=np.float64), MIN_PROBABILITY)
    return np.asarray(np.log((1.0 - CHANGED_SHARE) + CHANGED_SHARE / (len(sample.classes) * p)))


def concept_drift(
    reference_errors: NDArray[np.float64],
    errors: NDArray[np.float64],
    times: NDArray[np.datetime64],
    *,
    log_ratios: NDArray[np.float64] | None = None,
    groups: NDArray[np.str_] | None = None,
    rate: float = USUAL_RATE,
    seed: int = 0,
) -> ConceptDrift:
    """Return the first rise of the error rate; a fall is no drift.

    Errors of one group are correlated: with many groups, consecutive labels of one group count as one, by their mean.
    Eight wrong predictions for one child within three minutes are one event.

    Parameters
    ----------
    reference_errors : float64, shape (m,)
        Out-of-fold errors on the training data, in any order.
    errors : float64, shape (n,)
        Errors of the labelled recordings in order of time: 0 or 1, or of any size.
    times : datetime64, shape (n,)
        Recording times.
    log_ratios : float64, shape (n,), optional
        From :func:`label_evidence`; the CUSUM then uses these instead of the errors.
    groups : str, shape (n,), optional
        None where every recording is independent.
    rate : float
        Rate of false alarms of a check, to which the detectors' thresholds are proportional.
    seed : int
        Of the order of the warm-up.

    Raises
    ------
    UsageError
        The extra `monitor` is not installed.

    Source: Bifet and Gavaldà (2007), ADWIN, and Frías-Blanco et al. (2015), HDDM_A, as in river; Page (1954), CUSUM.
    """
    is_class = log_ratios is not None or np.isin(reference_errors, (0.0, 1.0)).all()
    scale = 1.0 if is_class else float(np.quantile(reference_errors, 0.99)) or 1.0
    warm_up = np.random.default_rng(seed).permutation(reference_errors)[:MAX_WARM_UP]
    starts = np.arange(len(errors)) if groups is None else _runs(groups)
    counts = np.diff(starts, append=len(errors))
    run_errors = np.add.reduceat(errors, starts) / counts
    warm_up, stream = (np.clip(part / scale, 0.0, 1.0) for part in (warm_up, run_errors))
    found = ConceptDrift()
    for name in DETECTORS:
        if name != "CUSUM":
            index = _first_rise(name, warm_up, stream, rate / USUAL_RATE)
        else:
            increments = (
                _cusum_increments(warm_up, stream)
                if log_ratios is None
                else np.add.reduceat(log_ratios, starts) / counts
            )
            index = _cusum_alarm(increments, rate)
        if index is None:
            continue
        label = int(starts[index] + counts[index])
        if found.label is not None and label >= found.label:
            continue
        found = ConceptDrift(
            name,
            label,
            to_datetime(times[label - 1]),
            before=float(reference_errors.mean()),
            after=float(run_errors[index // 2 : index + 1].mean()),
        )
    return found


def _runs(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the first index of each run of labels of one group; with few groups, of every label."""
    if len(np.unique(groups)) < MANY_GROUPS:
        return np.arange(len(groups))
    return np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))


def _first_rise(
    name: str, warm_up: NDArray[np.float64], errors: NDArray[np.float64], strictness: float = 1.0
) -> int | None:
    """Return the index of the error at which a detector first detects a rise, or None."""
    detector = _detector(name, strictness)
    for error in warm_up:
        detector.update(float(error))
        if detector.drift_detected:  # by chance: start again
            detector = _detector(name, strictness)
    total, n = float(warm_up.sum()), len(warm_up)
    for index, error in enumerate(errors):
        mean_error = total / max(1, n)
        detector.update(float(error))
        if detector.drift_detected:
            if float(errors[max(0, index - N_RECENT + 1) : index + 1].mean()) > mean_error:
                return index
            detector = _detector(name, strictness)
        total, n = total + float(error), n + 1
    return None


def _cusum_increments(reference_errors: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log likelihood ratio of each error at a raised rate against the usual rate, shape (n,).

    The usual rate is that of the training data plus one standard error. Errors between 0 and 1 count by their size; the
    alarm threshold holds for these too.
    """
    if not reference_errors.size:
        return np.zeros(errors.size)
    rate = (float(reference_errors.sum()) + 1.0) / (reference_errors.size + 2.0)
    low = min(0.9, rate + float(np.sqrt(rate * (1.0 - rate) / reference_errors.size)))
    high = min(0.99, low + CUSUM_RISE)
    return np.asarray(errors * np.log(high / low) + (1.0 - errors) * np.log((1.0 - high) / (1.0 - low)))


def _cusum_alarm(increments: NDArray[np.float64], rate: float = USUAL_RATE) -> int | None:
    """Return the index at which the CUSUM reaches its threshold for streams of ``N_STREAM`` labels, or None."""
    sums = np.cumsum(increments)
    minimum = np.minimum.accumulate(np.concatenate([[0.0], sums]))[:-1]
    above = np.flatnonzero(sums - minimum >= np.log(N_STREAM / rate))
    return int(above[0]) if above.size else None


N_RECENT = 50
"""Latest errors, with the direction of a change as their mean."""


def _detector(name: str, strictness: float) -> _Detector:
    """Return a new detector from river; HDDM_A is one-sided and detects rises only."""
    try:
        from river import drift
    except ImportError as error:
        raise UsageError("Concept drift needs the extra `monitor`: pip install 'auricle[monitor]'.") from error
    adwin, hddm = drift.ADWIN, drift.binary.HDDMA
    detector: _Detector = (
        adwin(delta=min(1.0, ADWIN_DELTA * strictness))
        if name == "ADWIN"
        else hddm(drift_confidence=min(1.0, HDDM_CONFIDENCE * strictness))
    )
    return detector
