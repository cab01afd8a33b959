"""A bundle made ready to predict: its feature pipeline and its graph, which have passed the bundle's self-test."""

from dataclasses import dataclass

from auricle.bundles import self_test
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.features.describer import Describer
from auricle.features.extractor import Extractor
from auricle.features.parts import Features

__all__ = ["LoadedModel"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """What a predictor, a stream and its events share; many threads may use one. :meth:`of` makes it.

    Parameters
    ----------
    bundle : Bundle
    name : str
        Name and version, as predictions give them.
    extractor : Features
        Turns a window into the row that the graph takes.
    describer : Describer
        Turns a window into that row and the standard row at once.
    graph : Graph
        Turns rows into probabilities or numbers.
    """

    bundle: Bundle
    name: str  # kept, for a bundle hashes itself to tell it
    extractor: Features
    describer: Describer
    graph: Graph

    @classmethod
    def of(cls, bundle: Bundle) -> "LoadedModel":
        """Load a bundle's pipeline and graph, and run its golden windows.

        Raises
        ------
        BundleError : the graph does not load, or the golden windows do not give what they gave in training
        """
        extractor = bundle.features()
        describer = Describer(bundle.manifest.spec, bundle.manifest.standard, extractor.parts)
        graph = Graph(bundle.graph)
        self_test.check(bundle, extractor, describer.standard, graph)
        return cls(bundle=bundle, name=bundle.id, extractor=extractor, describer=describer, graph=graph)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it knows; none for a regressor."""
        return self.bundle.manifest.classes

    @property
    def standard(self) -> Extractor:
        """What makes the standard row, the named features that novelty and monitoring read."""
        return self.describer.standard
