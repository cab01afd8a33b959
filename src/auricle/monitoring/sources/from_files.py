"""Recordings answered on the spot: the monitor without a server and without a store."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import open_sound, read
from auricle.bundles.profile import quality_row
from auricle.errors import AuricleError, DataError
from auricle.monitoring.sources.recordings import Recording
from auricle.monitoring.sources.sample import Sample
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.records import Prediction
from auricle.runtime.compute import parallel_map

__all__ = ["samples_from_files"]


def samples_from_files(
    model: Predictor,
    recordings: Sequence[Recording],
    *,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Sample, tuple[tuple[Recording, AuricleError], ...]]:
    """Answer recordings; return them as a sample, and those that cannot be answered with the reason.

    Parameters
    ----------
    model : what answers
    recordings : at least one
    workers : threads; None for every core
    progress : told of every recording

    Raises
    ------
    DataError : not one recording can be answered, or a truth that is no number where numbers are answered
    """

    def one(recording: Recording) -> tuple[Prediction, NDArray[np.float32], int] | AuricleError:
        try:
            return _answer(model, recording)
        except AuricleError as error:
            return error

    kept: list[Recording] = []
    found: list[tuple[Prediction, NDArray[np.float32], int]] = []
    failures: list[tuple[Recording, AuricleError]] = []
    for done, (recording, result) in enumerate(
        zip(recordings, parallel_map(one, recordings, workers=workers, may_leave=True), strict=True), 1
    ):
        if isinstance(result, AuricleError):
            failures.append((recording, result))
        else:
            kept.append(recording)
            found.append(result)
        if progress:
            progress("answers", done, len(recordings))
    if not kept:
        raise DataError(f"Not one of {len(recordings)} recordings can be answered. The first: {failures[0][1]}")
    return _sample(model, kept, found), tuple(failures)


def _answer(model: Predictor, recording: Recording) -> tuple[Prediction, NDArray[np.float32], int]:
    if recording.start_s or recording.end_s is not None:
        clip = read(recording.file, start_s=recording.start_s, end_s=recording.end_s)
        stream = Stream(model, rate_hz=clip.rate_hz, source=clip.source)
        stream.listen(clip.samples)
    else:
        with open_sound(recording.file) as sound:  # in constant memory, however long it is
            stream = Stream(model, rate_hz=sound.rate_hz, source=sound.name)
            for block in sound.blocks():
                stream.listen(block)
    prediction = stream.finish()
    return prediction, stream.standard_row(), stream.rate_hz


def _sample(
    model: Predictor,
    recordings: Sequence[Recording],
    found: Sequence[tuple[Prediction, NDArray[np.float32], int]],
) -> Sample:
    predictions = [prediction for prediction, _, _ in found]
    names = dict.fromkeys(name for recording in recordings for name in recording.metadata)
    return Sample(
        model=model.name,
        classes=model.classes,
        columns=model.bundle.manifest.standard.columns,
        ids=np.array([str(recording.file) for recording in recordings]),
        times=np.array([recording.time for recording in recordings], "M8[us]"),
        groups=np.array([recording.group for recording in recordings]),
        rows=np.stack([row for _, row, _ in found]),
        quality=np.stack([quality_row(one.quality) for one in predictions if one.quality is not None]),
        answers=np.array(
            [[(one.probabilities or {})[name] for name in model.classes] or [one.value or 0.0] for one in predictions],
            np.float32,
        ),
        novelty=np.array([one.novelty for one in predictions], np.float32),
        unknown=np.array([one.unknown for one in predictions]),
        rates_hz=np.array([rate_hz for _, _, rate_hz in found], np.int64),
        truth=_truth(model, recordings),
        labelled=np.full(len(recordings), np.datetime64("NaT", "us")),
        metadata={name: np.array([one.metadata.get(name, "") for one in recordings]) for name in names},
    )


def _truth(model: Predictor, recordings: Sequence[Recording]) -> NDArray[Any]:
    if model.classes:
        return np.array([recording.answer for recording in recordings])
    try:
        return np.array([float(recording.answer) if recording.answer else np.nan for recording in recordings])
    except ValueError as error:
        raise DataError(f"The model answers with numbers, so the truth must be one: {error}.") from None
