"""Concept drift: a rise of the error rate in the stream of labels, because sounds have come to mean something else.

Three detectors watch the errors in their order: ADWIN and HDDM_A learn the usual rate from the stream, after a warm-up
on out-of-fold errors of the training data; a CUSUM compares each label with the training data directly, and needs
fewer. Each gets a share of the rate of false alarms, for the whole stream: a detector's bound for one label is divided
by the number of labels.

Metric: :func:`concept_drift`. Drift needs significance, and errors that rose by at least ``MIN_RISE``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.monitoring.drift.resampling import MANY_GROUPS
from auricle.monitoring.sources.sample import Sample, to_datetime

__all__ = ["DETECTORS", "ConceptDrift", "concept_drift", "label_evidence"]

RATE = 0.001
"""Default rate of false alarms of a stream: the share of a check's."""
MIN_RISE = 0.05
"""Smallest rise of the error rate in points, or of the mean error of numbers as a part of it, that counts as drift."""

CHANGED_SHARE = 0.2
"""Share of changed labels to which the CUSUM is most sensitive."""
MIN_PROBABILITY = 0.005
"""Smallest probability of a label, so that one slip cannot outweigh all other labels."""
CUSUM_RISE = 0.1
"""Rise of the error rate to which the CUSUM is most sensitive, where predictions have no probabilities."""
DETECTORS: Mapping[str, float] = {"ADWIN": 0.1, "HDDM_A": 0.1, "CUSUM": 0.8}
"""Share of the rate of false alarms that each detector gets. The CUSUM needs the fewest labels."""
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
        Mean error on the training data, and on the labels from the start of the rise to its detection; where the
        detector knows no start, on the last ``N_RECENT``.
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
    rate: float = RATE,
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
        Rate of false alarms over the whole stream, of which each detector gets its share.
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
    before, found = float(reference_errors.mean()), ConceptDrift()
    min_rise = MIN_RISE * (1.0 if is_class else before)
    for name, share in DETECTORS.items():
        if name == "CUSUM":
            increments = (
                _cusum_increments(warm_up, stream)
                if log_ratios is None
                else np.add.reduceat(log_ratios, starts) / counts
            )
            rise = _cusum_rise(increments, run_errors, before + min_rise, rate * share)
        else:
            index = _first_rise(name, warm_up, stream, rate * share)
            rise = None if index is None else (max(0, index - N_RECENT + 1), index)
        if rise is None:
            continue
        first, last = rise
        label, after = int(starts[last] + counts[last]), float(run_errors[first : last + 1].mean())
        if after - before < min_rise or (found.label is not None and label >= found.label):
            continue
        found = ConceptDrift(name, label, to_datetime(times[label - 1]), before=before, after=after)
    return found


def _runs(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the first index of each run of labels of one group; with few groups, of every label."""
    if len(np.unique(groups)) < MANY_GROUPS:
        return np.arange(len(groups))
    return np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))


def _first_rise(name: str, warm_up: NDArray[np.float64], errors: NDArray[np.float64], rate: float) -> int | None:
    """Return the index of the error at which a detector first detects a rise, or None, at a rate for all errors."""
    each = rate / max(1, len(errors))
    detector = _detector(name, each)
    for error in warm_up:
        detector.update(float(error))
        if detector.drift_detected:  # by chance: start again
            detector = _detector(name, each)
    total, n = float(warm_up.sum()), len(warm_up)
    for index, error in enumerate(errors):
        mean_error = total / max(1, n)
        detector.update(float(error))
        if detector.drift_detected:
            if float(errors[max(0, index - N_RECENT + 1) : index + 1].mean()) > mean_error:
                return index
            detector = _detector(name, each)
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


def _cusum_rise(
    increments: NDArray[np.float64], errors: NDArray[np.float64], least: float, rate: float
) -> tuple[int, int] | None:
    """Return the indices of a rise's first error and of the one that reveals it, or None.

    From each start, the likelihood ratio exceeds ``1 / each`` with probability ``each`` at most (Ville's inequality); a
    stream of n errors has n starts. A rise whose mean error stays below ``least`` is too small, and is passed over.
    """
    if not increments.size:
        return None
    sums = np.concatenate([[0.0], np.cumsum(increments)])
    lowest = np.minimum.accumulate(sums)[:-1]
    first = np.maximum.accumulate(np.where(sums[:-1] <= lowest, np.arange(len(increments)), 0))
    totals = np.concatenate([[0.0], np.cumsum(errors)])
    last = np.arange(len(increments))
    means = (totals[1:] - totals[first]) / (last + 1 - first)
    found = np.flatnonzero((sums[1:] - lowest >= np.log(len(increments) / rate)) & (means >= least))
    return (int(first[found[0]]), int(found[0])) if found.size else None


N_RECENT = 50
"""Latest errors, with the direction of a change as their mean."""


def _detector(name: str, rate: float) -> _Detector:
    """Return a new detector from river; HDDM_A is one-sided and detects rises only."""
    try:
        from river import drift
    except ImportError as error:
        raise UsageError("Concept drift needs the extra `monitor`: pip install 'auricle[monitor]'.") from error
    adwin, hddm = drift.ADWIN, drift.binary.HDDMA
    detector: _Detector = adwin(delta=rate) if name == "ADWIN" else hddm(drift_confidence=rate)
    return detector
