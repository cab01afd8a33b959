"""`Extractor`, the public feature extractor: clips to the pooled rows of one spec, or to images."""

from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec

__all__ = ["Extractor"]


class Extractor(FeaturePipeline):
    """Computes the pooled rows, or the log-mel images, of one spec; cheap to make, and safe to share between threads.

    Parameters
    ----------
    spec : FeatureSpec
        The settings.

    Examples
    --------
    >>> import numpy as np
    >>> from auricle import Clip, Extractor, FeatureSpec
    >>> extractor = Extractor(FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, features=("mfcc",), statistics=("mean",)))
    >>> extractor.rows([Clip(np.zeros(16_000, np.float32), 16_000)]).shape
    (1, 20)
    >>> extractor.columns[:2]
    ('mfcc00_mean', 'mfcc01_mean')
    """

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__(spec)

    def __repr__(self) -> str:
        return f"Extractor({self.spec!r})"

    def __reduce__(self) -> tuple[type["Extractor"], tuple[FeatureSpec]]:
        return Extractor, (self.spec,)
