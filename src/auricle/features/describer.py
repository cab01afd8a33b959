"""The two rows of every window: what a model eats, and the standard row that novelty and monitoring look at."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from auricle.features.analysis import plan_for, values_of
from auricle.features.extractor import Extractor, Numbers
from auricle.features.parts import POOLED, FeatureBlock
from auricle.features.pooling import Pooling
from auricle.features.spec import FeatureSpec

__all__ = ["Describer"]

_OF_FRAMES = ("rate_hz", "n_fft", "hop", "n_mels", "fmin_hz", "fmax_hz", "mel_scale")
"""Settings that decide a frame's numbers; the others choose among them, and pool them."""


class Describer:
    """Describes windows by two specs; where both see the same frames, these are analysed once.

    The rows are those of two extractors, to the last bit (tests/features/test_describer.py).

    Parameters
    ----------
    spec : what the model eats
    standard : the standard row
    parts : what the model's row is made of, end to end; None for the pooled features of ``spec`` alone

    Attributes
    ----------
    extractor, standard : pooled features under the two specs, apart
    """

    def __init__(self, spec: FeatureSpec, standard: FeatureSpec, parts: Sequence[FeatureBlock] | None = None) -> None:
        self.extractor = Extractor(spec)
        self._parts = None if parts is None or [part.name for part in parts] == [POOLED] else tuple(parts)
        self.standard = Extractor(standard)
        self._plan = None
        if all(getattr(spec, name) == getattr(standard, name) for name in _OF_FRAMES):
            self._plan = plan_for(spec, standard)
            self._poolings = Pooling(spec, self._plan), Pooling(standard, self._plan)
            places = {name: place for place, name in enumerate(spec.columns)}
            is_within = places.keys() >= set(standard.columns)
            self._within = np.array([places[name] for name in standard.columns]) if is_within else None

    def __reduce__(self) -> tuple[type["Describer"], tuple[FeatureSpec, FeatureSpec, tuple[FeatureBlock, ...] | None]]:
        return Describer, (self.extractor.spec, self.standard.spec, self._parts)  # another process makes its own tables

    def rows(self, samples: ArrayLike) -> tuple[Numbers, Numbers]:
        """Return the model's row and the standard row of one window, each float32, shape (n_columns,).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ both specs' ``n_fft``, at their ``rate_hz``

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        ModelError : an embedding's graph fails
        """
        if self._parts is None:
            return self._pooled(samples)
        made: dict[str, Numbers] = {}
        if POOLED in (part.name for part in self._parts):
            made[POOLED], standard = self._pooled(samples)
        else:
            standard = self.standard.row(samples)
        rate_hz = self.extractor.spec.rate_hz
        found = [made[part.name] if part.name in made else part.row(samples, rate_hz) for part in self._parts]
        return np.concatenate(found), standard

    def _pooled(self, samples: ArrayLike) -> tuple[Numbers, Numbers]:
        if self._plan is None:
            return self.extractor.row(samples), self.standard.row(samples)
        values, n_frames = values_of(samples, self._plan)
        of_row, of_standard = (pooling.frames(values, n_frames) for pooling in self._poolings)
        row = self._poolings[0].row(values, of_row)
        if self._within is not None and of_row == of_standard:
            return row, row[self._within]  # the same numbers of the same frames
        return row, self._poolings[1].row(values, of_standard)
