"""From a search to a bundle: the chosen model fitted on everything, converted, scored, and packed with its proof."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.bundles.aggregation import predicted_class
from auricle.bundles.bundle import Bundle, Golden
from auricle.bundles.graph import Graph
from auricle.bundles.manifest import Interval, Manifest, Sets, Target
from auricle.bundles.profile import MAX_PROFILED, Profile, quality_row
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
from auricle.training.design_matrix import DesignMatrix, Scale
from auricle.training.networks import epoch_reporter
from auricle.training.search.candidates import fit_to
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.search import SearchResult
from auricle.training.thresholds import event_thresholds, fit_novelty, novelty_columns

__all__ = ["build_bundle", "golden_places"]

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
    examples: FeatureTable,
    table: DesignMatrix,
    features: FeaturePipeline,
    found: SearchResult,
    protocol: SplitPlan,
    *,
    golden_windows: Sequence[Samples],
    name: str,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Bundle, Estimator]:
    """Fit the chosen model on all recordings, and pack it; return the bundle and the fitted estimator.

    Parameters
    ----------
    examples : the data set's features under the spec of the chosen model
    table : the same, with the further parts that it eats
    features : what makes its rows
    found : what the search found
    protocol : where it took its scores
    golden_windows : sound that the bundle proves itself with
    workers : threads; None for every core
    progress : told of every epoch of a network

    Raises
    ------
    ConversionError : a model whose graph would answer otherwise
    """
    everything = np.ones(len(dataset.examples), bool)
    scale = table.scale(everything)
    with ExitStack() as stack:
        if IMAGE in found.chosen.parts:
            stack.enter_context(torch_threads(n_workers(workers)))
        told = None if progress is None else epoch_reporter(progress, found.chosen.name)
        estimator = fit_to(found.chosen, table, everything, scale, progress=told)
    rows = table.design_matrix(found.chosen.parts)
    graph = convert(estimator, rows.shape[1])
    verify(graph, estimator, rows, limit=MAX_NETWORK_DIFFERENCE if IMAGE in found.chosen.parts else MAX_DIFFERENCE)
    manifest = _manifest(dataset, table, found, scale, features, name, protocol.protocol)
    novelty, unlike = fit_novelty(
        examples.standard,
        examples.recording_standard(),
        examples.owner,
        protocol.blocks,
        columns=novelty_columns(manifest.standard),
        window_doubt=_doubt(found.windows_out_of_fold) if table.classes else None,
        recording_doubt=_doubt(found.out_of_fold) if table.classes else None,
    )
    golden = _golden(golden_windows, features, graph)
    embeddings = {block.name: block.graphs for block in features.blocks if isinstance(block, Embedding)}
    profile = _profile(dataset, examples, found, unlike)
    bundle = Bundle(manifest, graph, profile, novelty, golden=golden, embeddings=embeddings)
    return bundle, estimator


def _manifest(
    dataset: Dataset,
    table: DesignMatrix,
    found: SearchResult,
    scale: Scale,
    features: FeaturePipeline,
    name: str,
    protocol: str,
) -> Manifest:
    scored, verdict = _scores(dataset, table, found)
    libraries = (*_LIBRARIES, "torch") if IMAGE in found.chosen.parts else _LIBRARIES
    return Manifest(
        name=name,
        task=dataset.task,
        classes=table.classes,
        target=Target(mean=scale.mean, deviation=scale.deviation) if scale.is_used else None,
        spec=features.spec,
        parts=features.block_names,
        embeddings=tuple(block.card for block in features.blocks if isinstance(block, Embedding)),
        image=next((block.spec for block in features.blocks if isinstance(block, Image)), None),
        interval=_interval(table, found),
        sets=_sets(table, found),
        event_thresholds=event_thresholds(found.windows_out_of_fold, table.truth[table.owner]) if table.classes else (),
        calibration=found.calibration,
        family=found.chosen.family,
        settings=dict(found.chosen.settings),
        scores=scored,
        verdict=verdict,
        protocol=protocol,
        standard=standard_spec(features.spec.rate_hz),
        versions={library: version(library) for library in libraries},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _scores(dataset: Dataset, table: DesignMatrix, found: SearchResult) -> tuple[scores.Scores, str]:
    """Score the held-out answers; return the scores with their intervals, and the verdict."""
    truth, groups = table.truth[found.tested], dataset.groups[found.tested]
    if table.classes:
        chosen = predicted_class(found.answers)
        tested = scores.classification(truth, found.answers, chosen)
        before = scores.classification(truth, found.uncalibrated, chosen)
        tested |= {f"{name}_uncalibrated": before[name] for name in ("log_loss", "ece")}
        tested |= scores.classification_intervals(truth, chosen, groups)
        chance_level = scores.baseline(truth, balanced=True)
    else:
        values = found.answers[:, 0]
        tested = scores.regression(truth, values) | scores.regression_intervals(truth, values, groups)
        chance_level = 0.0
    if found.reach is not None:
        tested |= scores.coverage(found.reach.covered, found.reach.size, groups, is_class=bool(table.classes))
    tested["n_recordings"] = len(truth)
    recordings = f"{len(truth)} held-out recordings of {len(set(groups))} groups"
    found_verdict = scores.verdict(tested, task=dataset.task, recordings=recordings, chance_level=chance_level)
    return tested, found_verdict.sentence


def _doubt(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 - probabilities.max(axis=1))


def _sets(table: DesignMatrix, found: SearchResult) -> Sets | None:
    known = class_thresholds(found.out_of_fold, table.truth) if table.classes else None
    return None if known is None else Sets(coverage=COVERAGE, thresholds=known[0], per_class=known[1])


def _interval(table: DesignMatrix, found: SearchResult) -> Interval | None:
    if table.classes:
        return None
    width = half_width(found.out_of_fold[:, 0] - table.truth)
    return None if width is None else Interval(coverage=COVERAGE, half_width=width)


def _profile(dataset: Dataset, examples: FeatureTable, found: SearchResult, novelty: NDArray[np.float64]) -> Profile:
    n = len(dataset.examples)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MAX_PROFILED)).round().astype(np.int64))
    return Profile(
        hashes=examples.hashes,
        groups=dataset.groups.astype(np.str_),
        truth=dataset.targets if dataset.task == "regress" else dataset.labels.astype(np.str_),
        chosen=chosen,
        rows=examples.recording_standard()[chosen],
        quality=np.stack([quality_row(examples.quality[index]) for index in chosen]),
        answers=found.out_of_fold[chosen].astype(np.float32),
        novelty=novelty[chosen].astype(np.float32),
    )


def golden_places(n: int) -> list[int]:
    """Return the places of the few recordings, evenly spread over ``n``, whose first windows a bundle keeps."""
    return [int(place) for place in np.unique(np.linspace(0, n - 1, min(n, N_GOLDEN)).round())]


def _golden(windows: Sequence[Samples], features: FeaturePipeline, graph: bytes) -> Golden:
    rows = np.stack([features.row(window) for window in windows])
    standards = np.stack([features.standard_row(window) for window in windows])
    return Golden(tuple(windows), rows, standards, Graph(graph).predict(rows))
