"""Load a bundle into a feature pipeline and an ONNX session, and run its self-test."""

from dataclasses import dataclass
from typing import Any

from auricle.bundles import self_test
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.features.pipeline import FeaturePipeline

__all__ = ["LoadedModel"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """The model that a predictor, a stream and its events share; many threads may use one. Built by :meth:`of`.

    Parameters
    ----------
    bundle : Bundle
    name : str
        Name and version, as predictions give them.
    pipeline : FeaturePipeline
        Turns a window into the row that the graph takes, and the standard row that novelty and monitoring read.
    graph : Graph
        Turns rows into probabilities or numbers.
    """

    bundle: Bundle
    name: str  # kept, because a bundle hashes itself to compute it
    pipeline: FeaturePipeline
    graph: Graph

    @classmethod
    def of(cls, bundle: Bundle) -> "LoadedModel":
        """Load a bundle and run its self-test.

        Raises
        ------
        BundleError : the graph does not load, or the self-test fails
        """
        pipeline, graph = bundle.features(), Graph(bundle.graph)
        self_test.check(bundle, pipeline, graph)
        return cls(bundle=bundle, name=bundle.id, pipeline=pipeline, graph=graph)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes, and be copied, as the bundle, which is loaded and tests itself on arrival."""
        return type(self).of, (self.bundle,)

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes; none for a regressor."""
        return self.bundle.manifest.classes
