"""How good the answers are where somebody told the truth: scores over time, and how many labels came, and how late."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.evaluation.scores import interval_of_mean, interval_of_share
from auricle.monitoring.performance.concept_drift import ConceptDrift, concept_drift, evidence
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_LABELS", "MeasuredPerformance", "Part", "measured_performance"]

MIN_LABELS = 20
"""Fewest labels that say something; fewer are counted, and not judged."""
MIN_LOSS = 0.05
"""Points of accuracy, or part of the error of training, by which a model must have become worse."""
MAX_PARTS = 8
LEVELS = 5
"""Of confidence, within which labelled recordings stand for those that are not."""
ALIKE = 10
"""Recordings of training that are as sure as a labelled one, among which one is drawn."""
DRAWN = 1000
"""Recordings of training that labelled ones are compared with, as many times as it takes."""


@dataclass(frozen=True, slots=True)
class Part:
    """Labelled recordings of one stretch of time, with their score and its 95% interval over groups."""

    first: datetime | None
    last: datetime | None
    n: int
    value: float
    interval: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        times = {name: None if told[name] is None else told[name].isoformat() for name in ("first", "last")}
        return told | times | {"interval": list(self.interval)}


@dataclass(frozen=True, slots=True)
class MeasuredPerformance:
    """A score of the recordings whose truth is known.

    Parameters
    ----------
    score : ``accuracy`` for classes, ``mae`` for numbers
    n : labelled recordings
    coverage : their share of the window
    lag_s : median time from answer to label, or None where nobody knows
    value, interval : the score of the whole window, with 95% over groups, whichever of it labels were asked for
    reference, reference_interval : what it was among the recordings of training, with 95% over groups
    parts : the same over time
    concept : whether answers became wrong more often at some label
    unheard : labels that the model does not know, and how many
    """

    score: str
    n: int
    coverage: float
    lag_s: float | None
    value: float
    interval: tuple[float, float]
    reference: float
    reference_interval: tuple[float, float]
    parts: tuple[Part, ...]
    concept: ConceptDrift
    unheard: dict[str, int]

    @property
    def is_judged(self) -> bool:
        """Whether there are labels enough to say something."""
        return self.n >= MIN_LABELS

    @property
    def is_worse(self) -> bool:
        """Whether it is worse than it was: by more than the doubt about both, and by enough to act on."""
        better, worse = (1, 0) if self.score == "accuracy" else (0, 1)
        lost = abs(self.reference - self.value)
        is_down = self.value < self.reference if self.score == "accuracy" else self.value > self.reference
        doubt = float(np.hypot(self.interval[better] - self.value, self.reference_interval[worse] - self.reference))
        enough = MIN_LOSS if self.score == "accuracy" else MIN_LOSS * self.reference
        return self.is_judged and is_down and lost > doubt and lost >= enough

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        parts = [part.as_json() for part in self.parts]
        ends = {
            name: [end if np.isfinite(end) else None for end in told[name]]
            for name in ("interval", "reference_interval")
        }
        return told | ends | {"parts": parts, "concept": self.concept.as_json()}


def measured_performance(reference: Sample, window: Sample, *, seed: int = 0) -> MeasuredPerformance | None:
    """Score what is labelled; None where nothing is.

    A label that the model does not know counts as a mistake: the model had no way to be right.
    """
    known = window.subset(window.is_labelled)
    if not len(known):
        return None
    ordered = known.subset(_order(known.times, seed))
    loss, usual = ordered.losses, reference.losses
    waited = ordered.label_times - ordered.times
    waited = waited[~np.isnat(waited)]
    strange = ordered.truth[~np.isin(ordered.truth, ordered.classes)] if ordered.classes else np.array([], str)
    names, counts = np.unique(strange, return_counts=True)
    for_all = _for_all(loss, ordered, window)
    value, interval = _scored(for_all, ordered.groups, is_share=bool(ordered.classes))
    before, before_interval = _scored(usual, reference.groups, is_share=bool(ordered.classes))
    alike = _alike(reference, ordered, seed)
    return MeasuredPerformance(
        score="accuracy" if ordered.classes else "mae",
        n=len(ordered),
        coverage=len(ordered) / len(window),
        lag_s=float(np.median(waited) / np.timedelta64(1, "s")) if waited.size else None,
        value=value,
        interval=interval,
        reference=before,
        reference_interval=before_interval,
        parts=tuple(_parts(ordered, for_all)),
        concept=concept_drift(
            alike.losses,
            loss,
            ordered.times,
            weighed=evidence(alike, ordered),
            groups=ordered.groups,
            seed=seed,
        ),
        unheard=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )


def _order(times: NDArray[np.datetime64], seed: int) -> NDArray[np.intp]:
    """Return the order of times; of recordings that have none, or the same, any order but that of a sorted table.

    Recordings that lie class after class are wrong more often where the hard class begins: nothing changed there.
    """
    order = np.random.default_rng(seed).permutation(len(times))
    return np.asarray(order[np.argsort(times[order], kind="stable")])


def _weights(labelled: Sample, window: Sample) -> NDArray[np.float64]:
    """Return how many recordings of the window each labelled one stands for, by confidence, shape (n,), mean 1."""
    edges = np.unique(np.quantile(labelled.confidence, np.arange(1, LEVELS) / LEVELS))
    asked, there = (np.digitize(one.confidence, edges) for one in (labelled, window))
    shares = [np.bincount(level, minlength=len(edges) + 1) / len(level) for level in (there, asked)]
    weights = (shares[0] / np.maximum(shares[1], 1e-12))[asked]
    return np.asarray(weights / weights.mean())


def _for_all(loss: NDArray[np.float64], labelled: Sample, window: Sample) -> NDArray[np.float64]:
    """Return one number a labelled recording, whose mean estimates the loss of the whole window.

    Labels are asked for where a model is in doubt; counted alike, they would make any model look worse than it is. The
    estimate is what the model's confidence says of the window, put right by how far it was off where there are labels.
    Of a window all of which is labelled, it is the mean of the losses.

    Source: Angelopoulos et al. (2023), "Prediction-powered inference"; Cochran (1977), post-stratification.
    """
    if not labelled.classes:
        return loss
    expected = 1.0 - window.confidence.mean()
    return np.asarray(expected + _weights(labelled, window) * (loss - (1.0 - labelled.confidence)))


def _alike(reference: Sample, labelled: Sample, seed: int) -> Sample:
    """Return recordings of training that the model was as sure of as of the labelled ones, drawn again and again.

    A model errs more often where it is in doubt; if labels are asked for there, that is no change of what sounds mean.
    """
    if not reference.classes:
        return reference
    rng, order = np.random.default_rng(seed), np.argsort(reference.confidence, kind="stable")
    drawn = rng.permutation(np.resize(np.arange(len(labelled)), max(DRAWN, len(labelled))))
    at = np.searchsorted(reference.confidence[order], labelled.confidence[drawn])
    first = np.clip(at - ALIKE // 2, 0, max(0, len(order) - ALIKE))
    return reference.subset(order[np.minimum(first + rng.integers(0, ALIKE, len(first)), len(order) - 1)])


def _scored(
    loss: NDArray[np.float64], groups: NDArray[np.str_], *, is_share: bool
) -> tuple[float, tuple[float, float]]:
    if is_share:
        share = float(np.clip(1.0 - loss.mean(), 0.0, 1.0))  # an estimate for all may lie beyond
        return share, interval_of_share(share + loss.mean() - loss, groups)
    return float(loss.mean()), interval_of_mean(loss, groups)


def _parts(ordered: Sample, loss: NDArray[np.float64]) -> list[Part]:
    """Cut labelled recordings into stretches of as many each."""
    n_parts = min(MAX_PARTS, len(ordered) // MIN_LABELS)
    found = []
    for places in np.array_split(np.arange(len(ordered)), n_parts) if n_parts > 1 else []:
        value, interval = _scored(loss[places], ordered.groups[places], is_share=bool(ordered.classes))
        first, last = (None if np.isnat(t) else t.item() for t in ordered.times[places[[0, -1]]])
        found.append(Part(first, last, n=len(places), value=value, interval=interval))
    return found
