"""What passes between rooms: how good a sound is, what a model answers to it, and what is kept of the answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Entry", "Level", "Metadata", "Prediction", "Quality"]

Level = Literal["recording", "window", "event"]
Metadata = Mapping[str, str | float | bool | None]
"""What somebody tells about a recording: flat, so that a check can group by any of it."""


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
    cutoff_db: float
    """Steepest fall of the mean spectrum over two bands: tens of dB where a resampler or a codec cut."""
    holes: float
    """Fraction of bands, while it is loud, that differ from the next by over 30 dB: a codec left some out."""
    hum_db: float
    """How far harmonics of the mains, 50 or 60 Hz, stand out of what lies between them."""
    flat_topped: float
    """Fraction of samples within 20% of the loudest thousandth: clipped somewhere, whatever the level is now."""
    dropouts: float
    """Times a second that the sound breaks off into silence, within 10 ms."""
    attack_db: float
    """How fast it can rise: the mean of the steepest 5% of rises within 80 ms."""
    decay_db: float
    """How fast it can fall, likewise: a room that rings fills the gaps, and leaves the rises alone."""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one answered recording: one request, or one 60 s cut of a stream.

    Arrays take no part in comparing two entries.
    """

    id: str
    """Made by ``auricle.runtime.clock.new_id``."""
    time: datetime
    """When it was asked, in UTC."""
    model: str
    """Name and version of the model that answered: ``name@version``."""
    predictions: tuple[Prediction, ...]
    """The recording's first, then the windows or events that were asked for."""
    standard: NDArray[np.float32] = field(compare=False)
    """Shape (n_standard,): the mean over windows of the standard row, whatever the model eats."""
    rows: NDArray[np.float32] = field(compare=False)
    """Shape (n_windows, n_columns): the rows that the model ate, at most 32, evenly spread over the recording."""
    key: str = ""
    """Id of the API key that asked; empty for none."""
    group: str = ""
    """Block for resampling: entries of one group are not independent of each other."""
    metadata: Metadata = field(default_factory=dict)
    source: str = ""
    """File name as it was told; never a path of the server."""
    rate_hz: int = 0
    """Sample rate of the sound as it came."""
    channels: int = 0
    audio: str | None = None
    """SHA-256 of the FLAC that was kept, if any was."""

    @property
    def recording(self) -> Prediction:
        """The answer for the recording as a whole."""
        return self.predictions[0]
