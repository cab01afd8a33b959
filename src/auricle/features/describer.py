"""The two rows of every window: what a model eats, and the standard row that novelty and monitoring look at."""

from numpy.typing import ArrayLike

from auricle.features.analysis import values_of
from auricle.features.extractor import Extractor, Numbers
from auricle.features.plan import plan_for
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

    Attributes
    ----------
    extractor, standard : the two, apart
    """

    def __init__(self, spec: FeatureSpec, standard: FeatureSpec) -> None:
        self.extractor = Extractor(spec)
        self.standard = Extractor(standard)
        self._plan = None
        if all(getattr(spec, name) == getattr(standard, name) for name in _OF_FRAMES):
            self._plan = plan_for(spec, standard)
            self._poolings = Pooling(spec, self._plan), Pooling(standard, self._plan)

    def __reduce__(self) -> tuple[type["Describer"], tuple[FeatureSpec, FeatureSpec]]:
        return Describer, (self.extractor.spec, self.standard.spec)  # another process makes its own tables

    def rows(self, samples: ArrayLike) -> tuple[Numbers, Numbers]:
        """Return the model's row and the standard row of one window, each float32, shape (n_columns,).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ both specs' ``n_fft``, at their ``rate_hz``

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        if self._plan is None:
            return self.extractor.row(samples), self.standard.row(samples)
        values, n_frames = values_of(samples, self._plan)
        row, standard = (pooling.row(values, n_frames) for pooling in self._poolings)
        return row, standard
