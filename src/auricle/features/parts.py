"""All that a model eats of a window: pooled numbers, embeddings and images, end to end in one row."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.audio.clip import Clip
from auricle.audio.windows import Window
from auricle.errors import UsageError
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec

__all__ = ["IMAGE", "POOLED", "FeatureBlock", "Features", "Pooled"]

Numbers = NDArray[np.float32]

POOLED: Final = "pooled"
"""The part that a :class:`~auricle.features.spec.FeatureSpec` describes."""

IMAGE: Final = "image"
"""The part that is a flat log-mel image."""


class FeatureBlock(Protocol):
    """Something that makes numbers of a window: pooled features, an embedding, an image."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the part is called, in bundles and on the command line."""

    def fingerprint(self) -> str:
        """Return the SHA-256 of all that the numbers hang on."""

    def row(self, samples: ArrayLike, rate_hz: int) -> Numbers:
        """Return the numbers of one window, float32, shape (len(columns),)."""


class Pooled:
    """The row of a spec as a part.

    Parameters
    ----------
    spec : what to compute
    """

    name = POOLED

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.columns = spec.columns
        self._extractor = Extractor(spec)

    def __reduce__(self) -> tuple[type["Pooled"], tuple[FeatureSpec]]:
        return Pooled, (self.spec,)

    def fingerprint(self) -> str:
        """Return the fingerprint of the spec."""
        return self.spec.fingerprint()

    def row(self, samples: ArrayLike, rate_hz: int) -> Numbers:
        """Return the row of one window at the spec's rate, as :meth:`~auricle.features.extractor.Extractor.row`."""
        if rate_hz != self.spec.rate_hz:
            raise UsageError(f"`rate_hz` must be the spec's {self.spec.rate_hz} Hz. Got {rate_hz}.")
        return self._extractor.row(samples)


class Features:
    """Cuts sound into windows, and makes one row of each: wherever sound is cut, in training, files and streams.

    Parameters
    ----------
    spec : the rate and the windows
    parts : what a row is made of, end to end; None for the spec's own columns alone

    Raises
    ------
    UsageError : no part, or two of one name

    Attributes
    ----------
    columns : names of a row's columns
    """

    def __init__(self, spec: FeatureSpec, parts: Sequence[FeatureBlock] | None = None) -> None:
        self.spec = spec
        self.parts: tuple[FeatureBlock, ...] = (Pooled(spec),) if parts is None else tuple(parts)
        names = [part.name for part in self.parts]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"`parts` must be at least one, each of another name. Got {names}.")
        self.columns = tuple(column for part in self.parts for column in part.columns)
        self._extractor = Extractor(spec)

    def __repr__(self) -> str:
        return f"Features({'+'.join(part.name for part in self.parts)}, {len(self.columns)} columns)"

    def __reduce__(self) -> tuple[type["Features"], tuple[FeatureSpec, tuple[FeatureBlock, ...]]]:
        return Features, (self.spec, self.parts)

    def row(self, samples: ArrayLike) -> Numbers:
        """Return the row of one window at the spec's rate: float32, shape (len(columns),).

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than a part needs
        ModelError : an embedding's graph fails
        """
        return np.concatenate([part.row(samples, self.spec.rate_hz) for part in self.parts])

    def windows(self, clip: Clip) -> list[Window]:
        """Return the windows of one clip, resampled to ``spec.rate_hz`` where it has another rate."""
        return self._extractor.windows(clip)

    def rows(self, clips: Iterable[Clip]) -> Numbers:
        """Return the rows of every window of every clip, in order: float32, shape (n_windows, len(columns))."""
        rows = [self.row(window.samples) for clip in clips for window in self.windows(clip)]
        return np.stack(rows) if rows else np.empty((0, len(self.columns)), np.float32)
