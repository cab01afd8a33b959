"""Records that rooms exchange: the quality of a sound, a prediction and its log entry, and what a read left out."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_EXAMPLES", "Entry", "Level", "Metadata", "Omitted", "Prediction", "Quality", "count_omitted"]

Level = Literal["recording", "window", "event"]
Metadata = Mapping[str, str | float | bool | None]
"""Metadata of a recording: flat, so that monitoring can group by any key."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Technical quality of a sound, independent of its content.

    Decibels are relative to full scale (a square wave at ±1 has 0 dB); fractions lie in [0, 1].
    A measurement without a value (the bandwidth of silence) is 0 Hz or the floor of -120 dB, never NaN.
    """

    level_db: float
    """Root mean square."""
    peak_db: float
    """Largest absolute sample."""
    dc: float
    """Mean of the samples, in [-1, 1]."""
    clipped: float
    """Fraction of samples that lie in runs at full scale."""
    silent: float
    """Fraction of 10 ms blocks below -80 dB."""
    noise_floor_db: float
    """10th percentile of the 10 ms blocks' levels."""
    snr_db: float
    """95th percentile of the blocks' levels minus the noise floor."""
    bandwidth_hz: float
    """Frequency below which all but the weakest 60 dB of the spectrum lies."""
    cutoff_db: float
    """Steepest fall of the mean spectrum over two bands: tens of dB at the cut-off of a resampler or codec."""
    holes: float
    """Fraction of bands of loud frames that differ from the next by over 30 dB: left out by a codec."""
    hum_db: float
    """Level of the mains harmonics, of 50 or 60 Hz, above the spectrum between them."""
    flat_topped: float
    """Fraction of samples within 20% of the loudest thousandth: high after clipping at any level."""
    dropouts: float
    """Drops into silence within 10 ms, per second."""
    attack_db: float
    """Mean of the steepest 5% of rises within 80 ms."""
    decay_db: float
    """Mean of the steepest 5% of falls within 80 ms: reverberation lowers it, and not the rises."""

    def as_json(self) -> dict[str, float]:
        """Return the measurements as a flat mapping, rounded to four digits."""
        return {name: round(float(value), 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction of one window, one event or one whole recording."""

    level: Level
    start_s: float
    end_s: float
    model: str
    """Name and version of the model."""
    label: str | None = None
    """Predicted class, of a classifier."""
    value: float | None = None
    """Predicted number, of a regressor."""
    probabilities: Mapping[str, float] | None = None
    confidence: float | None = None
    """Probability of ``label``; of an event, the mean over its windows."""
    labels: tuple[str, ...] | None = None
    """Prediction set of a recording, with the bundle's coverage; empty where it is like no class."""
    peak: float | None = None
    """Highest probability of ``label`` among the windows of an event."""
    ongoing: bool = False
    """Whether an event has not yet ended; ``end_s`` is then its end so far."""
    interval: tuple[float, float] | None = None
    """Prediction interval of a recording's ``value``, with the bundle's coverage."""
    unknown: bool = False
    """Whether the sound is too unlike the training data for the prediction to be trusted."""
    novelty: float | None = None
    """Novelty: a rank from 0 to 1 among training recordings; above 1, the excess of its distance."""
    quality: Quality | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the prediction as the command line and the server print it, without the fields that do not apply."""
        row: dict[str, Any] = {"level": self.level, "start_s": round(self.start_s, 6), "end_s": round(self.end_s, 6)}
        if self.value is not None:
            row["value"] = self.value
            if self.interval is not None:
                row["interval"] = list(self.interval)
        else:
            row |= {
                "label": self.label,
                "confidence": self.confidence,
                "probabilities": dict(self.probabilities or {}),
            }
        if self.labels is not None:
            row["labels"] = list(self.labels)
        if self.peak is not None:
            row["peak"] = self.peak
        if self.ongoing:
            row["ongoing"] = True
        row |= {"unknown": self.unknown, "novelty": self.novelty}
        if self.quality is not None:
            row["quality"] = self.quality.as_json()
        return row | {"model": self.model}


@dataclass(frozen=True, slots=True)
class Entry:
    """The log entry of one predicted recording: one request, or one 60 s cut of a stream.

    Arrays are ignored when two entries are compared.
    """

    id: str
    """Made by ``auricle.runtime.clock.new_id``."""
    time: datetime
    """Time of the request, in UTC."""
    model: str
    """Model as ``name@version``."""
    predictions: tuple[Prediction, ...]
    """Of the recording, then of the requested windows or events."""
    standard: NDArray[np.float32] = field(compare=False)
    """Mean over windows of the standard row, whatever the model's input, shape (n_standard,)."""
    rows: NDArray[np.float32] = field(compare=False)
    """Input rows of the model, at most 32, evenly spaced in the recording, shape (n_windows, n_columns)."""
    key: str = ""
    """Id of the API key of the request; empty for none."""
    group: str = ""
    """Group for resampling: entries of one group are not independent."""
    metadata: Metadata = field(default_factory=dict)
    source: str = ""
    """File name as the client gave it; never a path of the server."""
    rate_hz: int = 0
    """Sample rate of the sound as received."""
    channels: int = 0
    audio: str | None = None
    """SHA-256 of the stored FLAC; None if the sound was not kept."""

    @property
    def recording(self) -> Prediction:
        """Prediction of the whole recording."""
        return self.predictions[0]


MAX_EXAMPLES: Final = 3
"""Most examples of what was left out for one reason."""


@dataclass(frozen=True, slots=True)
class Omitted:
    """What a read left out for one reason, though the user named it or it lies in what the user named."""

    what: str
    """Plural noun: rows, files, recordings, annotations."""
    reason: str
    """Why, and what to do about it where something can be done."""
    count: int
    examples: tuple[str, ...] = ()
    """The first of them, at most three: a path, or a path and a line."""

    def __str__(self) -> str:
        named = "; ".join(self.examples)
        more = "; …" if self.count > len(self.examples) else ""
        what = self.what.removesuffix("s") if self.count == 1 else self.what
        return f"{self.count} {what} left out: {self.reason}{f' ({named}{more})' if named else ''}."

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON objects of commands hold them under ``omitted``."""
        return {"what": self.what, "reason": self.reason, "count": self.count, "examples": list(self.examples)}


def count_omitted(left_out: Iterable[tuple[str, str, str]]) -> tuple[Omitted, ...]:
    """Count what was left out by noun and reason, in the order in which each first occurs.

    Parameters
    ----------
    left_out : iterable of (str, str, str)
        Noun, reason and example of each.

    Examples
    --------
    >>> print(*count_omitted([("rows", "no label", "a.csv, line 2"), ("rows", "no label", "a.csv, line 7")]))
    2 rows left out: no label (a.csv, line 2; a.csv, line 7).
    """
    examples: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for what, reason, example in left_out:
        kind = what, reason
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MAX_EXAMPLES:
            examples.setdefault(kind, []).append(example)
    return tuple(Omitted(*kind, count, tuple(examples[kind])) for kind, count in counts.items())
