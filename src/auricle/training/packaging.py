"""Packaging: fit the chosen model to all recordings, convert it to ONNX, and build its bundle with scores and tests."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.channels import MEAN
from auricle.audio.clip import Samples
from auricle.bundles.aggregation import predicted_class
from auricle.bundles.bundle import Bundle, Golden
from auricle.bundles.graph import Graph
from auricle.bundles.manifest import Interval, Manifest, Sets, Target
from auricle.bundles.profile import MAX_PROFILED, Profile, metadata_columns, quality_row
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import FeatureTable, Progress
from auricle.evaluation import scores
from auricle.features.embeddings.embedding import Embedding
from auricle.features.image import Image
from auricle.features.pipeline import IMAGE, FeaturePipeline
from auricle.features.spec import standard_spec
from auricle.models.cnn.device import torch_threads
from auricle.models.family import Estimator
from auricle.models.intervals import COVERAGE, class_thresholds, half_width
from auricle.runtime.compute import n_workers
from auricle.training.convert.estimators import MAX_DIFFERENCE, MAX_NETWORK_DIFFERENCE, convert, verify
from auricle.training.networks import epoch_reporter
from auricle.training.search.candidates import fit_recordings
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.search import SearchResult
from auricle.training.search.training_data import TargetScale, TrainingData
from auricle.training.thresholds import event_thresholds, fit_novelty, novelty_columns

__all__ = ["build_bundle", "golden_indices"]

N_GOLDEN = 3
_LIBRARIES = (
    "auricle",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "soundfile",
    "soxr",
    "onnxruntime",
    "onnx",
    "skl2onnx",
)


def build_bundle(
    dataset: Dataset,
    features: FeatureTable,
    data: TrainingData,
    pipeline: FeaturePipeline,
    result: SearchResult,
    plan: SplitPlan,
    *,
    independent: NDArray[np.str_],
    golden_windows: Sequence[Samples],
    name: str,
    channel: str = MEAN,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Bundle, Estimator]:
    """Fit the chosen model to all recordings; return its bundle and the fitted estimator.

    Parameters
    ----------
    dataset : Dataset
    features : FeatureTable
        Under the spec of the chosen model.
    data : TrainingData
        The same, with the other feature blocks that the model reads.
    pipeline : FeaturePipeline
        Computes the model's rows.
    result : SearchResult
    plan : SplitPlan
        The split that the scores were taken on.
    independent : str, shape (n_recordings,)
        Groups of recordings for the intervals of the scores.
    golden_windows : sequence of float32, shape (n,)
        Windows of the bundle's self-test.
    name : str
    channel : str
        Channel of the recordings that the model hears.
    workers : int or None
        Threads; None uses every core.
    progress : Progress
        Called after every epoch of a network.

    Raises
    ------
    ConversionError : a model whose graph would predict otherwise
    """
    chosen, everything = result.chosen, np.ones(len(dataset.examples), bool)
    scale, is_network = data.scale(everything), IMAGE in chosen.feature_set
    with ExitStack() as stack:
        if is_network:
            stack.enter_context(torch_threads(n_workers(workers)))
        report_epoch = None if progress is None else epoch_reporter(progress, chosen.name)
        estimator = fit_recordings(chosen, data, everything, scale, progress=report_epoch)
    rows = data.design_matrix(chosen.feature_set)
    graph = convert(estimator, rows.shape[1])
    verify(graph, estimator, rows, limit=MAX_NETWORK_DIFFERENCE if is_network else MAX_DIFFERENCE)
    scored = _scores(dataset, data, result, independent)
    manifest = _manifest(
        dataset, data, result, scale, pipeline, name=name, protocol=plan.protocol, channel=channel, scored=scored
    )
    novelty, novelty_of_recordings = fit_novelty(
        features.standard,
        features.recording_standard(),
        features.owner,
        plan.blocks,
        columns=novelty_columns(manifest.standard),
        window_doubt=_doubt(result.windows_out_of_fold) if data.classes else None,
        recording_doubt=_doubt(result.out_of_fold) if data.classes else None,
    )
    golden = _golden(golden_windows, pipeline, graph)
    embeddings = {block.name: block.graphs for block in pipeline.blocks if isinstance(block, Embedding)}
    profile = _profile(dataset, features, result, novelty_of_recordings)
    return Bundle(manifest, graph, profile, novelty, golden=golden, embeddings=embeddings), estimator


def _manifest(
    dataset: Dataset,
    data: TrainingData,
    result: SearchResult,
    scale: TargetScale,
    pipeline: FeaturePipeline,
    *,
    name: str,
    protocol: str,
    channel: str,
    scored: tuple[scores.Scores, str],
) -> Manifest:
    libraries = (*_LIBRARIES, "torch") if IMAGE in result.chosen.feature_set else _LIBRARIES
    return Manifest(
        name=name,
        task=dataset.task,
        classes=data.classes,
        target=Target(mean=scale.mean, deviation=scale.deviation) if scale.is_used else None,
        spec=pipeline.spec,
        channel=channel,
        quality=quality.VERSION,
        parts=pipeline.block_names,
        embeddings=tuple(block.card for block in pipeline.blocks if isinstance(block, Embedding)),
        image=next((block.spec for block in pipeline.blocks if isinstance(block, Image)), None),
        interval=_interval(data, result),
        sets=_sets(data, result),
        event_thresholds=event_thresholds(result.windows_out_of_fold, data.truth[data.owner]) if data.classes else (),
        calibration=result.calibration,
        family=result.chosen.family,
        settings=dict(result.chosen.settings),
        scores=scored[0],
        verdict=scored[1],
        protocol=protocol,
        standard=standard_spec(pipeline.spec.rate_hz),
        versions={library: version(library) for library in libraries},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _scores(
    dataset: Dataset, data: TrainingData, result: SearchResult, independent: NDArray[np.str_]
) -> tuple[scores.Scores, str]:
    """Return the scores of the held-out predictions with their intervals, and the verdict."""
    truth, groups = data.truth[result.tested], independent[result.tested]
    if data.classes:
        predicted = predicted_class(result.predictions)
        found = scores.classification(truth, result.predictions, predicted)
        before = scores.classification(truth, result.uncalibrated, predicted)
        found |= {f"{name}_uncalibrated": before[name] for name in ("log_loss", "ece")}
        found |= scores.classification_intervals(truth, predicted, groups)
        chance_level = scores.baseline(truth, balanced=True)
    else:
        values = result.predictions[:, 0]
        found = scores.regression(truth, values) | scores.regression_intervals(truth, values, groups)
        chance_level = 0.0
    if (coverage := result.coverage) is not None:
        found |= scores.coverage(coverage.covered, coverage.size, groups, is_class=bool(data.classes))
    found["n_recordings"] = len(truth)
    n_groups = found["n_groups"]
    recordings = f"{len(truth)} held-out recordings of {n_groups} group{'s' * (n_groups > 1)}"
    verdict = scores.verdict(found, task=dataset.task, recordings=recordings, chance_level=chance_level)
    return found, verdict.sentence


def _doubt(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 - probabilities.max(axis=1))


def _sets(data: TrainingData, result: SearchResult) -> Sets | None:
    thresholds = class_thresholds(result.out_of_fold, data.truth) if data.classes else None
    return None if thresholds is None else Sets(coverage=COVERAGE, thresholds=thresholds[0], per_class=thresholds[1])


def _interval(data: TrainingData, result: SearchResult) -> Interval | None:
    if data.classes:
        return None
    width = half_width(result.out_of_fold[:, 0] - data.truth)
    return None if width is None else Interval(coverage=COVERAGE, half_width=width)


def _profile(dataset: Dataset, features: FeatureTable, result: SearchResult, novelty: NDArray[np.float64]) -> Profile:
    n = len(dataset.examples)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MAX_PROFILED)).round().astype(np.int64))
    return Profile(
        hashes=features.hashes,
        groups=dataset.groups.astype(np.str_),
        truth=dataset.targets if dataset.task == "regress" else dataset.labels.astype(np.str_),
        chosen=chosen,
        rows=features.recording_standard()[chosen],
        quality=np.stack([quality_row(features.quality[index]) for index in chosen]),
        answers=result.out_of_fold[chosen].astype(np.float32),
        novelty=novelty[chosen].astype(np.float32),
        metadata=metadata_columns([dataset.examples[index].metadata for index in chosen]),
    )


def golden_indices(n: int) -> list[int]:
    """Return the indices of a few recordings, evenly spread, whose first windows are the self-test."""
    return [int(index) for index in np.unique(np.linspace(0, n - 1, min(n, N_GOLDEN)).round())]


def _golden(windows: Sequence[Samples], pipeline: FeaturePipeline, graph: bytes) -> Golden:
    rows = np.stack([pipeline.row(window) for window in windows])
    standards = np.stack([pipeline.standard_row(window) for window in windows])
    return Golden(tuple(windows), rows, standards, Graph(graph).predict(rows))
