"""`Clip`: one channel of samples in memory, with their sample rate."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.errors import AudioError

__all__ = ["Clip", "Samples", "check_floating"]

Samples: TypeAlias = NDArray[np.float32]


def check_floating(samples: object, name: str) -> None:
    """Check that samples are not integers, which have a full scale of their own.

    Raises
    ------
    AudioError
        They are.
    """
    dtype = getattr(samples, "dtype", None)
    if getattr(dtype, "kind", "f") in "biu":
        raise AudioError(
            f"{name}: samples must be floating point, in [-1, 1]. Got {dtype}: divide by its full scale, for int16 by "
            "32768."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One channel of sound.

    Parameters
    ----------
    samples : float32, shape (n,), n ≥ 1, finite, nominally in [-1, 1]
    rate_hz : int
        Sample rate.
    source : str
        Name of the recording in error messages.
    start_s : float
        Start of the clip in its source.

    Raises
    ------
    AudioError
        Not numbers, integers, no samples, more than one dimension, a sample that is not finite, or a rate below 1 Hz.

    Examples
    --------
    >>> import numpy as np
    >>> from auricle import Clip
    >>> Clip(np.zeros(8000, np.float32), rate_hz=16_000).duration_s
    0.5
    """

    samples: Samples
    rate_hz: int
    source: str = "array"
    start_s: float = 0.0

    def __post_init__(self) -> None:
        check_floating(self.samples, self.source)
        try:
            samples = np.ascontiguousarray(self.samples, dtype=np.float32)
        except (TypeError, ValueError):
            raise AudioError(
                f"{self.source}: samples must be an array of numbers. Got {type(self.samples).__name__}. "
                "Files are read by `auricle.read`."
            ) from None
        if samples.ndim != 1 or samples.size == 0:
            raise AudioError(
                f"{self.source}: samples must be one channel of at least one sample. Got shape {samples.shape}."
            )
        if self.rate_hz < 1:
            raise AudioError(f"{self.source}: the sample rate must be at least 1 Hz. Got {self.rate_hz}.")
        if not np.isfinite(samples).all():
            first = int(np.argmin(np.isfinite(samples)))
            raise AudioError(
                f"{self.source}: every sample must be finite. Sample {first} ({first / self.rate_hz:.3f} s) is "
                f"{samples[first]}. Repair or remove the recording."
            )
        object.__setattr__(self, "samples", samples)

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return self.samples.size / self.rate_hz
