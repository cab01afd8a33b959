"""What passes between rooms: how good a sound is, and what a model answers to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Level", "Prediction", "Quality"]

Level = Literal["recording", "window", "event"]


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a stretch of sound is, whatever it says.

    Decibels are relative to full scale (a square wave at ±1 has 0 dB); fractions lie in [0, 1].
    A measure that the sound does not allow (the bandwidth of silence) is 0 Hz or the floor of -120 dB, never NaN.
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
    """95th percentile of the blocks' levels less the noise floor."""
    bandwidth_hz: float
    """Frequency below which all but the weakest 60 dB of the spectrum lies."""

    def as_json(self) -> dict[str, float]:
        """Return the measures as a flat mapping, rounded to what can be heard."""
        return {name: round(float(value), 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answers to one window, one event or one whole recording."""

    level: Level
    start_s: float
    end_s: float
    model: str
    """Name and version of the model that answered."""
    label: str | None = None
    """The class, for a classifier."""
    value: float | None = None
    """The number, for a regressor."""
    probabilities: Mapping[str, float] | None = None
    confidence: float | None = None
    """Probability of ``label``; of an event, the mean over its windows."""
    labels: tuple[str, ...] | None = None
    """Of a recording: the classes it may be, with the bundle's coverage; none, where it is like no class."""
    peak: float | None = None
    """Of an event: the highest probability of ``label`` among its windows."""
    ongoing: bool = False
    """Whether an event has begun and not yet ended; ``end_s`` is then how far it has come."""
    interval: tuple[float, float] | None = None
    """Where the number lies with the bundle's coverage, for a recording's ``value``."""
    unknown: bool = False
    """Whether the sound is too unlike the training sound for the answer to mean anything."""
    novelty: float | None = None
    """How unlike it is: a rank from 0 to 1 among training recordings, and above 1 the excess of its distance."""
    quality: Quality | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the command line and the server print it; what does not apply is left out."""
        answer: dict[str, Any] = {"level": self.level, "start_s": round(self.start_s, 6), "end_s": round(self.end_s, 6)}
        if self.value is not None:
            answer["value"] = self.value
            if self.interval is not None:
                answer["interval"] = list(self.interval)
        else:
            answer |= {
                "label": self.label,
                "confidence": self.confidence,
                "probabilities": dict(self.probabilities or {}),
            }
        if self.labels is not None:
            answer["labels"] = list(self.labels)
        if self.peak is not None:
            answer["peak"] = self.peak
        if self.ongoing:
            answer["ongoing"] = True
        answer |= {"unknown": self.unknown, "novelty": self.novelty}
        if self.quality is not None:
            answer["quality"] = self.quality.as_json()
        return answer | {"model": self.model}
