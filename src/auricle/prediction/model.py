"""A bundle made ready to predict: its feature pipeline and its graph, which have passed the bundle's self-test."""

from dataclasses import dataclass

from auricle.bundles import self_test
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.features.pipeline import FeaturePipeline

__all__ = ["LoadedModel"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """What a predictor, a stream and its events share; many threads may use one. :meth:`of` makes it.

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
    name: str  # kept, for a bundle hashes itself to tell it
    pipeline: FeaturePipeline
    graph: Graph

    @classmethod
    def of(cls, bundle: Bundle) -> "LoadedModel":
        """Load a bundle's pipeline and graph, and run its golden windows.

        Raises
        ------
        BundleError : the graph does not load, or the golden windows do not give what they gave in training
        """
        pipeline, graph = bundle.features(), Graph(bundle.graph)
        self_test.check(bundle, pipeline, graph)
        return cls(bundle=bundle, name=bundle.id, pipeline=pipeline, graph=graph)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it knows; none for a regressor."""
        return self.bundle.manifest.classes
