"""Run a model on recordings and return its predictions as a sample, without a server or a store."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import quality_row
from auricle.datasets.dataset import Example
from auricle.datasets.feature_table import Failure, Progress, partition_failures
from auricle.datasets.times import made_at
from auricle.errors import AuricleError, DataError
from auricle.monitoring.sources.sample import Sample
from auricle.prediction.predictor import Predictor
from auricle.records import Prediction
from auricle.runtime.compute import parallel_map

__all__ = ["samples_from_files"]

_Result: TypeAlias = tuple[Prediction, NDArray[np.float32], int]
"""Prediction of a recording, its standard feature row, and its sample rate in Hz."""


def samples_from_files(
    model: Predictor,
    recordings: Sequence[Example],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Sample, tuple[Failure, ...]]:
    """Run a model on recordings; return the predictions as a sample, and the failures.

    Parameters
    ----------
    model : Predictor
    recordings : sequence of Example
        At least one; labels and targets may be None.
    workers : int, optional
        Threads; None for every core.
    progress : callable, optional
        Called after each recording.

    Returns
    -------
    Sample
        Of the recordings that can be predicted.
    tuple of Failure

    Raises
    ------
    DataError
        No recording can be predicted.
    """

    def predict(recording: Example) -> _Result | Failure:
        try:
            stream = model.run(
                recording.file, start_s=recording.start_s, end_s=recording.end_s, channel=recording.named_channel
            )
            return stream.recording(), stream.standard_row(), stream.rate_hz
        except AuricleError as error:
            return Failure.of(recording, error)

    def report(done: int, _: object) -> None:
        if progress:
            progress("predictions", done, len(recordings))

    kept, found, failures = partition_failures(
        parallel_map(predict, recordings, workers=workers, on_engine=True), report
    )
    if not kept:
        raise DataError(f"None of {len(recordings)} recordings can be predicted. The first: {failures[0].error}")
    return _sample(model, [recordings[index] for index in kept], found), failures


def _sample(model: Predictor, recordings: Sequence[Example], found: Sequence[_Result]) -> Sample:
    predictions = [prediction for prediction, _, _ in found]
    names = dict.fromkeys(name for recording in recordings for name in recording.metadata)
    return Sample(
        model=model.name,
        classes=model.classes,
        columns=model.bundle.manifest.standard.columns,
        ids=np.array([str(recording.file) for recording in recordings]),
        times=np.array([made_at(recording.time) for recording in recordings], "M8[us]"),
        groups=np.array([recording.group for recording in recordings]),
        rows=np.stack([row for _, row, _ in found]),
        quality=np.stack([quality_row(one.quality) for one in predictions if one.quality is not None]),
        outputs=np.array(
            [[(one.probabilities or {})[name] for name in model.classes] or [one.value or 0.0] for one in predictions],
            np.float32,
        ),
        novelty=np.array([one.novelty for one in predictions], np.float32),
        unknown=np.array([one.unknown for one in predictions]),
        rates_hz=np.array([rate_hz for _, _, rate_hz in found], np.int64),
        truth=_labels(model, recordings),
        label_times=np.full(len(recordings), np.datetime64("NaT", "us")),
        metadata={name: np.array([one.metadata.get(name, "") for one in recordings]) for name in names},
    )


def _labels(model: Predictor, recordings: Sequence[Example]) -> NDArray[Any]:
    if model.classes:
        return np.array([recording.label or "" for recording in recordings])
    return np.array([np.nan if recording.target is None else recording.target for recording in recordings])
