"""What a training computes of its recordings, each of which is decoded once: facts, rows, embeddings, images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Failure, FeatureTable, Progress, extract, extract_with, windows_of
from auricle.datasets.one_pass import WindowGrid
from auricle.datasets.parts import BlockRows, joined_rows, part_rows
from auricle.errors import AuricleError
from auricle.features.cache import FeatureCache
from auricle.features.pipeline import IMAGE, POOLED, FeatureBlock, FeaturePipeline
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.inspection.scan import Recording, RecordingFacts
from auricle.runtime.compute import has_engine
from auricle.training.design_matrix import DesignMatrices
from auricle.training.networks import images_of
from auricle.training.packaging import golden_places
from auricle.training.request import TrainingRequest

__all__ = ["TrainingFeatures", "compute_features"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFeatures:
    """What is known of the recordings of a training.

    Parameters
    ----------
    dataset : the recordings that could be used
    failures : recordings that were left out
    spec : the spec that all of them were computed under at first
    facts : what inspection knows of each recording, by its place in ``dataset``; some may have none
    blocks : what rows may consist of beside the pooled columns, by name
    tables : rows by spec
    first_windows : the first window of some recordings under ``spec``, by their place in ``dataset``
    """

    dataset: Dataset
    failures: tuple[Failure, ...]
    spec: FeatureSpec
    facts: Mapping[int, Recording]
    blocks: Mapping[str, FeatureBlock]
    tables: DesignMatrices
    first_windows: Mapping[int, Samples]

    def fingerprint(self) -> str:
        """Return what tells these features from others."""
        return " ".join([self.spec.fingerprint(), *(block.fingerprint() for block in self.blocks.values())])

    def pipeline(self, spec: FeatureSpec, blocks: Sequence[str]) -> FeaturePipeline:
        """Return what makes the rows of a model that was chosen."""
        known: dict[str, FeatureBlock | Literal["pooled"]] = {POOLED: POOLED, **self.blocks}
        return FeaturePipeline(spec, [known[name] for name in blocks], standard=standard_spec(spec.rate_hz))

    def golden_windows(self, pipeline: FeaturePipeline) -> list[Samples]:
        """Return the first window of the recordings that a bundle proves itself with.

        Where others were left out, or longer windows chosen, a recording may be among them whose sound was not kept.
        """
        return [self._first_window(place, pipeline) for place in golden_places(len(self.dataset))]

    def _first_window(self, place: int, pipeline: FeaturePipeline) -> Samples:
        found, (wanted, known) = self.first_windows.get(place), (pipeline.spec, self.spec)
        if (
            found is None
            or wanted.rate_hz != known.rate_hz
            or (wanted.window_samples or math.inf) > (known.window_samples or math.inf)
        ):
            return windows_of(self.dataset.examples[place], pipeline)[0].samples
        return found[: wanted.window_samples]  # a shorter window begins at the same sample


def compute_features(
    dataset: Dataset,
    spec: FeatureSpec,
    wanted: TrainingRequest,
    *,
    is_timed: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> TrainingFeatures:
    """Decode each recording once, and compute all that a training is known to need of it.

    Parameters
    ----------
    dataset : labelled recordings
    spec : the features that are tried first
    wanted : families and pretrained models
    is_timed : whether a budget decides which of the families are tried
    skip_bad : leave out recordings that cannot be used, instead of raising
    workers : threads; None for every core
    cache : where features are kept from one training to the next
    progress : told of every recording

    Raises
    ------
    DataError : recordings that cannot be used (each is named), or none is left
    ModelError : an embedding that fails on a recording
    """
    blocks: dict[str, FeatureBlock] = {**wanted.embeddings}
    if wanted.has_networks and spec.window_s is not None:
        blocks[IMAGE] = images_of(spec.rate_hz, spec.window_s)
    # Recordings are decoded again only for what nobody knows yet to be needed: other specs, which a search proposes;
    # embeddings and images of families that a budget may not reach; images whose size is that of the longest
    # recording; and embeddings where other machines work, to which graphs of many megabytes are not sent.
    at_once = {} if is_timed or has_engine() else {name: BlockRows(block, spec) for name, block in blocks.items()}
    passed = extract_with(
        dataset,
        spec,
        [RecordingFacts(), *at_once.values()],
        first_windows=golden_places(len(dataset)),
        workers=workers,
        skip_bad=skip_bad,
        cache=cache,
        progress=progress,
    )
    facts, *of_blocks = passed.further
    computed = {name: joined_rows(results) for name, results in zip(at_once, of_blocks, strict=True)}
    dataset, examples = passed.dataset, passed.examples
    if wanted.has_networks and IMAGE not in blocks:
        blocks[IMAGE] = images_of(spec.rate_hz, float((examples.end_s - examples.start_s).max()))

    def make(other: FeatureSpec) -> FeatureTable:
        if other == spec:
            return examples
        return extract(dataset, other, workers=workers, cache=cache, progress=progress)[1]

    def make_block(name: str, other: FeatureSpec) -> NDArray[np.float32]:
        if name in computed and WindowGrid.of(other) == WindowGrid.of(spec):
            return computed[name]
        return part_rows(dataset, blocks[name], other, workers=workers, cache=cache, progress=progress)

    return TrainingFeatures(
        dataset=dataset,
        failures=passed.failures,
        spec=spec,
        facts={n: Recording.of(one) for n, one in enumerate(facts) if not isinstance(one, AuricleError)},
        blocks=blocks,
        tables=DesignMatrices(dataset, make, make_block, tuple(blocks)),
        first_windows=passed.first_windows,
    )
