"""From a data set to what models eat: the rows of every window, and which recording each window is of."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.decode import read
from auricle.audio.windows import Window
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import AudioError, AuricleError, DataError, FeatureError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.describer import Describer
from auricle.features.extractor import Extractor
from auricle.features.parts import Features
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.records import Quality
from auricle.runtime.compute import parallel_map

__all__ = [
    "Failure",
    "FeatureTable",
    "Progress",
    "RecordingFeatures",
    "content_hash",
    "describe",
    "extract",
    "partition_failures",
    "windows_of",
]


class Progress(Protocol):
    """What is told of work that takes long."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Take what is being done, how much of it is done, how much there is, and how fast it goes in words."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be used, and why."""

    file: Path
    error: AuricleError


_Made = TypeVar("_Made")


def partition_failures(
    results: Iterable[_Made | Failure], told: Callable[[int, _Made | Failure], None] | None = None
) -> tuple[list[int], list[_Made], tuple[Failure, ...]]:
    """Part what was made of recordings from what failed: the places of what was made, that itself, and the failures.

    Parameters
    ----------
    results : in the order of the recordings, as they come
    told : of each result as it comes, after how many results there are then
    """
    places, made, failures = [], [], []
    for done, result in enumerate(results, 1):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            places.append(done - 1)
            made.append(result)
        if told:
            told(done, result)
    return places, made, tuple(failures)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """The features of a data set's recordings.

    Parameters
    ----------
    rows : one row a window, float32, shape (n_windows, n_columns), recording after recording
    owner : which recording each window is of, int64, shape (n_windows,)
    start_s, end_s : where each window lies in its file, float64, shape (n_windows,)
    standard : standard rows, which novelty and monitoring look at, float32, shape (n_windows, n_standard)
    quality : the sound's quality, one a recording
    hashes : SHA-256 of each recording's file, uint8, shape (n, 32)
    """

    rows: NDArray[np.float32]
    owner: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    standard: NDArray[np.float32]
    quality: tuple[Quality, ...]
    hashes: NDArray[np.uint8]

    def recording_standard(self) -> NDArray[np.float32]:
        """Return each recording's standard row, the mean over its windows, shape (n, n_standard)."""
        sums = np.zeros((len(self.hashes), self.standard.shape[1]))
        np.add.at(sums, self.owner, self.standard)
        return np.asarray(sums / np.bincount(self.owner)[:, None], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class RecordingFeatures:
    """The features of one recording, as they are computed and as they are kept.

    Parameters
    ----------
    rows : one row a window, float32, shape (n_windows, n_columns)
    bounds_s : where each window begins and ends in its file, shape (n_windows, 2)
    standard : one standard row a window, float32, shape (n_windows, n_standard)
    quality : measures of the sound's quality, shape (n_measures,)
    digest : SHA-256 of the file, uint8, shape (32,)
    """

    rows: NDArray[np.float32]
    bounds_s: NDArray[np.float64]
    standard: NDArray[np.float32]
    quality: NDArray[np.float64]
    digest: NDArray[np.uint8]


def extract(
    dataset: Dataset,
    spec: FeatureSpec,
    *,
    workers: int | None = None,
    skip_bad: bool = False,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, FeatureTable, tuple[Failure, ...]]:
    """Compute the rows of every recording of a data set, on all cores.

    Parameters
    ----------
    dataset : labelled recordings
    spec : what to compute
    workers : threads; None for every core
    skip_bad : leave out recordings that cannot be used, instead of raising
    cache : where features are kept from one training to the next
    progress : told of every recording

    Returns
    -------
    the data set without the recordings left out, its features, and what was left out

    Raises
    ------
    DataError : recordings that cannot be used (each is named), or none is left
    """
    one = partial(describe, describer=Describer(spec, standard_spec(spec.rate_hz)), cache=cache)
    started, sound_s = time.perf_counter(), 0.0

    def told(n_done: int, result: RecordingFeatures | Failure) -> None:
        nonlocal sound_s
        if progress:
            sound_s += 0.0 if isinstance(result, Failure) else float(np.diff(result.bounds_s).sum())
            rate = sound_s / max(time.perf_counter() - started, 1e-9)
            progress("features", n_done, len(dataset.examples), f"{rate:.0f} × real time")  # noqa: RUF001

    kept, done, failures = partition_failures(
        parallel_map(one, dataset.examples, workers=workers, may_leave=True), told
    )
    if failures and not (skip_bad and done):
        raise DataError(_sentence(failures, len(dataset.examples)))
    bounds_s = np.concatenate([one.bounds_s for one in done])
    examples = FeatureTable(
        rows=np.concatenate([one.rows for one in done]),
        owner=np.repeat(np.arange(len(done)), [len(one.rows) for one in done]),
        start_s=bounds_s[:, 0],
        end_s=bounds_s[:, 1],
        standard=np.concatenate([one.standard for one in done]),
        quality=tuple(Quality(*one.quality.tolist()) for one in done),
        hashes=np.stack([one.digest for one in done]),
    )
    return (dataset.subset(np.array(kept)) if failures else dataset), examples, failures


def windows_of(example: Example, extractor: Extractor | Features) -> list[Window]:
    """Return the windows of one labelled recording, as training and prediction both cut them."""
    return extractor.windows(
        read(example.file, rate_hz=extractor.spec.rate_hz, start_s=example.start_s, end_s=example.end_s)
    )


def describe(example: Example, *, describer: Describer, cache: FeatureCache | None) -> RecordingFeatures | Failure:
    """Return the features of one recording, from the cache where they are kept, or why there are none."""
    try:
        return _kept(example, describer, cache)
    except FeatureError as error:  # it speaks of a window, and knows no file
        return Failure(example.file, FeatureError(f"{example.file}: {error}"))
    except AuricleError as error:
        return Failure(example.file, error)


def _kept(example: Example, describer: Describer, cache: FeatureCache | None) -> RecordingFeatures:
    """Return a recording's features from the cache, or compute and keep them."""
    digest = content_hash(example.file)
    if cache is None:
        return _describe(example, describer, digest)
    part = f"{example.start_s}:{example.end_s}:{quality.VERSION}"
    specs = describer.extractor.spec, describer.standard.spec
    key = key_of(digest.tobytes(), part, *(spec.fingerprint() for spec in specs))
    arrays = cache.get(key)
    if arrays is not None:
        return RecordingFeatures(**arrays)
    one = _describe(example, describer, digest)
    cache.put(key, {field.name: getattr(one, field.name) for field in fields(RecordingFeatures)})
    return one


def _describe(example: Example, describer: Describer, digest: NDArray[np.uint8]) -> RecordingFeatures:
    windows = windows_of(example, describer.extractor)
    lengths_s = [window.samples.size / window.rate_hz for window in windows]
    whole = quality.combine([quality.measure(window.samples, window.rate_hz) for window in windows], lengths_s)
    if whole.peak_db <= quality.FLOOR_DB:
        raise AudioError(
            f"{example.file}: a recording must hold sound. Every sample of its {sum(lengths_s):.3f} s is zero. "
            "Remove it, or record it again."
        )
    rows, standard = zip(*(describer.rows(window.samples) for window in windows), strict=True)
    return RecordingFeatures(
        rows=np.stack(rows),
        bounds_s=np.array([(window.start_s, window.end_s) for window in windows]),
        standard=np.stack(standard),
        quality=np.array(astuple(whole)),
        digest=digest,
    )


def content_hash(file: Path) -> NDArray[np.uint8]:
    """Return SHA-256 of a recording's file, uint8, shape (32,): what features are kept under, and bundles remember.

    Raises
    ------
    AudioError : the file cannot be read
    """
    try:
        with file.open("rb") as stream:
            return np.frombuffer(hashlib.file_digest(stream, "sha256").digest(), np.uint8)
    except OSError as error:
        raise AudioError(f"{file}: the recording must be a readable file. {error.strerror}.") from error


def _sentence(failures: Sequence[Failure], n: int) -> str:
    shown = "; ".join(str(failure.error).removesuffix(".") for failure in failures[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"Every recording must be usable. {len(failures)} of {n} are not: {shown}{more}. "
        "Repair or remove them, or leave them out with --skip-bad."
    )
