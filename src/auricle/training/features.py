"""Features of a training: decode each recording once for its rows, embeddings, images and inspection facts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import (
    Failure,
    FeatureTable,
    Progress,
    block_rows,
    concatenate_rows,
    extract,
    extract_outputs,
    windows_of,
)
from auricle.datasets.one_pass import WindowGrid
from auricle.datasets.outputs import BlockRows
from auricle.errors import AuricleError
from auricle.features.cache import FeatureCache
from auricle.features.image import Image, image_spec
from auricle.features.pipeline import IMAGE, POOLED, FeatureBlock, FeaturePipeline
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.inspection.scan import Recording, RecordingFacts
from auricle.runtime.compute import has_engine
from auricle.training.packaging import golden_indices
from auricle.training.request import TrainingRequest
from auricle.training.search.training_data import TrainingDataBySpec

__all__ = ["TrainingFeatures", "compute_features"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFeatures:
    """Features and facts of the recordings of a training.

    Parameters
    ----------
    dataset : Dataset
        The usable recordings.
    failures : tuple of Failure
        Recordings that were left out.
    spec : FeatureSpec
        The default spec.
    facts : mapping of int to Recording
        Inspection facts by the index of the recording in ``dataset``; some may have none.
    blocks : mapping of str to FeatureBlock
        Embeddings and images by name.
    data_by_spec : TrainingDataBySpec
    first_windows : mapping of int to float32, shape (n,)
        The first window of some recordings under ``spec``, by their index in ``dataset``.
    """

    dataset: Dataset
    failures: tuple[Failure, ...]
    spec: FeatureSpec
    facts: Mapping[int, Recording]
    blocks: Mapping[str, FeatureBlock]
    data_by_spec: TrainingDataBySpec
    first_windows: Mapping[int, Samples]

    def fingerprint(self) -> str:
        """Return an identifier of the spec and blocks."""
        return " ".join([self.spec.fingerprint(), *(block.fingerprint() for block in self.blocks.values())])

    def pipeline(self, spec: FeatureSpec, feature_set: Sequence[str]) -> FeaturePipeline:
        """Return the pipeline that computes the rows of a chosen model."""
        blocks: dict[str, FeatureBlock | Literal["pooled"]] = {POOLED: POOLED, **self.blocks}
        return FeaturePipeline(spec, [blocks[name] for name in feature_set], standard=standard_spec(spec.rate_hz))

    def golden_windows(self, pipeline: FeaturePipeline) -> list[Samples]:
        """Return the first windows of the recordings of a bundle's self-test.

        A recording is decoded again where its window was not kept: others were left out before it, or a longer window
        was chosen.
        """
        return [self._first_window(index, pipeline) for index in golden_indices(len(self.dataset))]

    def _first_window(self, index: int, pipeline: FeaturePipeline) -> Samples:
        kept, spec = self.first_windows.get(index), pipeline.spec
        if (
            kept is None
            or spec.rate_hz != self.spec.rate_hz
            or (spec.window_samples or math.inf) > (self.spec.window_samples or math.inf)
        ):
            return windows_of(self.dataset.examples[index], pipeline)[0].samples
        return kept[: spec.window_samples]  # a shorter window begins at the same sample


def compute_features(
    dataset: Dataset,
    spec: FeatureSpec,
    request: TrainingRequest,
    *,
    is_timed: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> TrainingFeatures:
    """Decode each recording once, and compute the features that a training is known to need.

    Parameters
    ----------
    dataset : Dataset
        Labelled recordings.
    spec : FeatureSpec
        The default spec.
    request : TrainingRequest
    is_timed : bool
        Whether a budget decides which of the families are tried.
    skip_bad : bool
        Leave out recordings that cannot be used, instead of raising.
    workers : int or None
        Threads; None uses every core.
    cache : FeatureCache or None
        Keeps features from one training to the next.
    progress : Progress
        Called after every recording.

    Raises
    ------
    DataError : recordings that cannot be used (each is named), or none is left
    ModelError : an embedding that fails on a recording
    """
    blocks: dict[str, FeatureBlock] = {**request.embeddings}
    if request.has_networks and spec.window_s is not None:
        blocks[IMAGE] = Image(_image_spec(spec, spec.window_s))
    # Recordings are decoded again only for features whose need is not known yet: of other specs, which a search
    # proposes; embeddings and images of families that a budget may not reach; images as long as the longest recording;
    # and embeddings where a cluster works, since graphs of many megabytes are not sent to other machines.
    at_once = {} if is_timed or has_engine() else {name: BlockRows(block, spec) for name, block in blocks.items()}
    extraction = extract_outputs(
        dataset,
        spec,
        [RecordingFacts(), *at_once.values()],
        first_windows=golden_indices(len(dataset)),
        workers=workers,
        skip_bad=skip_bad,
        cache=cache,
        progress=progress,
    )
    facts, *of_blocks = extraction.further
    computed = {name: concatenate_rows(results) for name, results in zip(at_once, of_blocks, strict=True)}
    dataset, table = extraction.dataset, extraction.examples
    if request.has_networks and IMAGE not in blocks:
        blocks[IMAGE] = Image(_image_spec(spec, float((table.end_s - table.start_s).max())))

    def make_features(other: FeatureSpec) -> FeatureTable:
        if other == spec:
            return table
        return extract(dataset, other, workers=workers, cache=cache, progress=progress)[1]

    def make_block(other: FeatureSpec, name: str) -> NDArray[np.float32]:
        if name in computed and WindowGrid.of(other) == WindowGrid.of(spec):
            return computed[name]
        return block_rows(dataset, blocks[name], other, workers=workers, cache=cache, progress=progress)

    return TrainingFeatures(
        dataset=dataset,
        failures=extraction.failures,
        spec=spec,
        facts={index: Recording.of(fact) for index, fact in enumerate(facts) if not isinstance(fact, AuricleError)},
        blocks=blocks,
        data_by_spec=TrainingDataBySpec(dataset, make_features, make_block),
        first_windows=extraction.first_windows,
    )


def _image_spec(spec: FeatureSpec, longest_s: float) -> FeatureSpec:
    return image_spec(spec.rate_hz, longest_s, fmin_hz=spec.fmin_hz, fmax_hz=spec.fmax_hz)
