"""The public face of the feature pipeline: clips become the pooled rows of one spec, or images."""

from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec

__all__ = ["Extractor"]


class Extractor(FeaturePipeline):
    """Computes the pooled rows, or the log-mel images, of one spec; cheap to make, and safe to share between threads.

    Parameters
    ----------
    spec : FeatureSpec
        What to compute.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__(spec)

    def __repr__(self) -> str:
        return f"Extractor({self.spec!r})"

    def __reduce__(self) -> tuple[type["Extractor"], tuple[FeatureSpec]]:
        return Extractor, (self.spec,)
