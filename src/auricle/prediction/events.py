"""Detect events: an event is a stretch of sound of one class, with a start, an end and a label, built from windows.

An event begins where a window's probability of its class reaches one threshold (``on``), and ends where it falls below
another (``off``); :class:`EventRules` holds both. Windows come in one by one, and events go out as they end.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.audio.quality import QualityAccumulator
from auricle.errors import UsageError
from auricle.prediction.model import LoadedModel
from auricle.records import Prediction

__all__ = ["OFF_RATIO", "EventRules", "Events"]

OFF_RATIO = 0.6
"""Default of ``off`` as a fraction of ``on``."""

_EXACT_S = 1e-9  # times are quotients of sample counts


@dataclass(frozen=True, slots=True)
class EventRules:
    """When an event of a class begins, lasts and ends; the same for files and for streams.

    Parameters
    ----------
    on : float, optional
        Probability at which an event begins; None for each class's own, chosen in training.
    off : float, optional
        Probability below which an event ends; None for 0.6 of ``on``.
    min_duration_s : float
        Shorter events are dropped, after merging.
    max_gap_s : float
        Events of one class no farther apart are merged; events that touch or overlap always are.
    smooth : int, odd
        Number of windows in the moving average of probabilities, centred on each window. It delays live predictions by
        half as many windows.
    confirm : int
        Consecutive windows that must reach ``on`` before an event begins; it begins at the first of them.
    only : tuple of str
        Classes to detect; empty for all.

    Raises
    ------
    UsageError : a rule is out of range

    Examples
    --------
    >>> rules = EventRules(on=0.7, off=0.4, min_duration_s=0.5)
    >>> rules.smooth
    1
    >>> EventRules(on=0.4, off=0.7)
    Traceback (most recent call last):
    auricle.errors.UsageError: `off` must be at most `on` (0.4). Got 0.7.
    """

    on: float | None = None
    off: float | None = None
    min_duration_s: float = 0.0
    max_gap_s: float = 0.0
    smooth: int = 1
    confirm: int = 1
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, threshold in (("on", self.on), ("off", self.off)):
            if threshold is not None and not 0 < threshold <= 1:
                raise UsageError(f"`{name}` must be a probability above 0 and at most 1. Got {threshold:g}.")
        if self.on is not None and self.off is not None and self.off > self.on:
            raise UsageError(f"`off` must be at most `on` ({self.on:g}). Got {self.off:g}.")
        for name, seconds in (("min_duration_s", self.min_duration_s), ("max_gap_s", self.max_gap_s)):
            if not 0 <= seconds < float("inf"):
                raise UsageError(f"`{name}` must be 0 or more seconds. Got {seconds:g}.")
        if self.smooth < 1 or self.smooth % 2 == 0:
            raise UsageError(f"`smooth` must be an odd number of windows. Got {self.smooth}.")
        if self.confirm < 1:
            raise UsageError(f"`confirm` must be at least 1 window. Got {self.confirm}.")


class Events:
    """Detect the events of one recording or stream; only undecided windows are held.

    Each class is detected by itself, so events of two classes may overlap. An ``unknown`` window counts for no class.

    Parameters
    ----------
    model : LoadedModel
        The model of the windows.
    rules : EventRules
    announce : bool
        Return an event also when it begins (and has lasted ``min_duration_s``), marked ``ongoing``.

    Raises
    ------
    UsageError : the model predicts a number, or ``only`` names a class that it does not have
    """

    def __init__(self, model: LoadedModel, rules: EventRules, *, announce: bool = False) -> None:
        if not model.classes:
            raise UsageError(f"Events need classes, and {model.name} predicts a number. Request windows instead.")
        if unknown := [name for name in rules.only if name not in model.classes]:
            raise UsageError(f"`only` must name classes of the model ({', '.join(model.classes)}). Got {unknown[0]!r}.")
        self._smoother = _Smoother(rules.smooth, len(model.classes))
        self._detectors = [
            _ClassDetector(index, name, rules, _on_and_off(model, index, rules), announce=announce)
            for index, name in enumerate(model.classes)
            if not rules.only or name in rules.only
        ]

    def push(self, windows: Iterable[Prediction]) -> list[Prediction]:
        """Push the next windows; return the events that end in them (and those that begin, if they are announced)."""
        return [event for window in windows for step in self._smoother.push(window) for event in self._push(step)]

    def flush(self) -> list[Prediction]:
        """End the sound and return the events that were still open, in the order of their classes."""
        last = [event for step in self._smoother.flush() for event in self._push(step)]
        return last + [event for detector in self._detectors for event in detector.flush()]

    def _push(self, step: "_Step") -> Iterator[Prediction]:
        for detector in self._detectors:
            if step.smoothed[detector.class_index] >= detector.on or not detector.is_idle:
                yield from detector.push(step)


def _on_and_off(model: LoadedModel, class_index: int, rules: EventRules) -> tuple[float, float]:
    thresholds = model.bundle.manifest.event_thresholds
    on = rules.on if rules.on is not None else thresholds[class_index] if thresholds else 0.5
    off = OFF_RATIO * on if rules.off is None else rules.off
    # One may be the user's and the other the class's own: the user's stands.
    return (max(on, off), off) if rules.on is None else (on, off)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A window with its probabilities, plain and smoothed, each shape (n_classes,)."""

    window: Prediction
    plain: NDArray[np.float64]
    smoothed: NDArray[np.float64]


class _Smoother:
    """Centred moving average of probabilities over an odd number of windows, fewer at both ends of the sound."""

    def __init__(self, n_windows: int, n_classes: int) -> None:
        self._half = n_windows // 2
        self._zeros = np.zeros(n_classes)
        self._held: deque[tuple[Prediction, NDArray[np.float64]]] = deque()
        self._next_index = 0  # in `_held`, of the window to average next

    def push(self, window: Prediction) -> Iterator[_Step]:
        plain = self._zeros if window.unknown else np.array(list((window.probabilities or {}).values()))
        self._held.append((window, plain))
        if len(self._held) > self._next_index + self._half:
            yield self._next()

    def flush(self) -> Iterator[_Step]:
        while self._next_index < len(self._held):
            yield self._next()

    def _next(self) -> _Step:
        window, plain = self._held[self._next_index]
        near = [p for _, p in list(self._held)[: self._next_index + self._half + 1]]
        if self._next_index < self._half:
            self._next_index += 1
        else:
            self._held.popleft()
        return _Step(window, plain, plain if len(near) == 1 else np.mean(near, axis=0))


class _ClassDetector:
    """Detect the events of one class."""

    def __init__(
        self, class_index: int, label: str, rules: EventRules, on_and_off: tuple[float, float], *, announce: bool
    ) -> None:
        self.class_index = class_index
        self.on, self._off = on_and_off
        self._label = label
        self._rules = rules
        self._announce = announce
        self._event: _EventSum | None = None  # is active, or has ended and may be merged with the next
        self._is_active = False
        self._candidate: _EventSum | None = None  # not confirmed yet

    @property
    def is_idle(self) -> bool:
        """Whether a window below ``on`` changes nothing."""
        return self._event is None and self._candidate is None

    def push(self, step: _Step) -> Iterator[Prediction]:
        probability = step.smoothed[self.class_index]
        if self._is_active and self._event is not None and probability >= self._off:
            self._event.add(step)
        else:
            self._is_active = False
            yield from self._find_next(step, is_on=bool(probability >= self.on))
        event = self._event
        if self._announce and self._is_active and event and not event.announced and self._is_long_enough(event):
            event.announced = True
            yield event.prediction(self._label, ongoing=True)

    def flush(self) -> Iterator[Prediction]:
        self._candidate = None
        yield from self._release()

    def _find_next(self, step: _Step, *, is_on: bool) -> Iterator[Prediction]:
        if not is_on:
            self._candidate = None
        elif self._candidate is None:
            self._candidate = _EventSum(self.class_index, step)
        else:
            self._candidate.add(step)
        # The next event begins here at the earliest: an event that ended too long before can no longer be merged.
        begins_s = step.window.start_s if self._candidate is None else self._candidate.start_s
        if self._event is not None and begins_s - self._event.end_s > self._rules.max_gap_s + _EXACT_S:
            yield from self._release()
        if self._candidate is not None and self._candidate.n_windows >= self._rules.confirm:
            if self._event is None:
                self._event = self._candidate
            else:
                self._event.merge(self._candidate)
            self._candidate, self._is_active = None, True

    def _release(self) -> Iterator[Prediction]:
        event, self._event = self._event, None
        if event is not None and self._is_long_enough(event):
            yield event.prediction(self._label)

    def _is_long_enough(self, event: "_EventSum") -> bool:
        return event.end_s - event.start_s >= self._rules.min_duration_s - _EXACT_S


class _EventSum:
    """Sums over the windows of one event, which its prediction averages."""

    def __init__(self, class_index: int, first: _Step) -> None:
        self.class_index = class_index
        self.start_s = first.window.start_s
        self.end_s = first.window.end_s
        self.announced = False
        self.model = first.window.model
        self.names = tuple(first.window.probabilities or {})
        self.n_windows = 0
        self.peak = 0.0
        self.probabilities = np.zeros_like(first.plain)
        self.novelty = 0.0
        self.quality = QualityAccumulator()
        self.add(first)

    def add(self, step: _Step) -> None:
        window = step.window
        self.end_s = window.end_s
        self.n_windows += 1
        self.peak = max(self.peak, float(step.plain[self.class_index]))
        self.probabilities += step.plain
        self.novelty += window.novelty or 0.0
        if window.quality is not None:
            self.quality.add(window.quality, window.end_s - window.start_s)

    def merge(self, later: "_EventSum") -> None:
        self.end_s = later.end_s
        self.n_windows += later.n_windows
        self.peak = max(self.peak, later.peak)
        self.probabilities += later.probabilities
        self.novelty += later.novelty
        self.quality.merge(later.quality)

    def prediction(self, label: str, *, ongoing: bool = False) -> Prediction:
        mean = self.probabilities / self.n_windows
        return Prediction(
            "event",
            self.start_s,
            self.end_s,
            self.model,
            label=label,
            probabilities=dict(zip(self.names, mean.tolist(), strict=True)),
            confidence=float(mean[self.class_index]),
            peak=self.peak,
            ongoing=ongoing,
            novelty=self.novelty / self.n_windows,
            quality=None if self.quality.is_empty else self.quality.quality(),
        )
