"""From a data set to what models eat: the rows of every window, and which recording each window is of."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.decode import read
from auricle.audio.windows import Window
from auricle.compute import spread
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import AudioError, AuricleError, DataError
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.records import Quality

__all__ = ["Examples", "Failure", "Progress", "extract", "windows_of"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be used, and why."""

    file: Path
    error: AuricleError


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The features of a data set's recordings.

    Parameters
    ----------
    rows : one row a window, float32, shape (n_windows, n_columns), recording after recording
    owner : which recording each window is of, int64, shape (n_windows,)
    start_s, end_s : where each window lies in its file, float64, shape (n_windows,)
    standard : monitoring's row of each recording, the mean over its windows, float32, shape (n, n_standard)
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


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    rows: NDArray[np.float32]
    bounds_s: list[tuple[float, float]]
    standard: NDArray[np.float32]
    quality: Quality
    digest: bytes


def extract(
    dataset: Dataset,
    spec: FeatureSpec,
    *,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> tuple[Dataset, Examples, tuple[Failure, ...]]:
    """Compute the rows of every recording of a data set, on all cores.

    Parameters
    ----------
    dataset : labelled recordings
    spec : what to compute
    workers : threads; None for every core
    skip_bad : leave out recordings that cannot be used, instead of raising
    progress : told of every recording

    Returns
    -------
    the data set without the recordings left out, its features, and what was left out

    Raises
    ------
    DataError : recordings that cannot be used (each is named), or none is left
    """
    extractor, standard = Extractor(spec), Extractor(standard_spec(spec.rate_hz))

    def one(example: Example) -> _One | Failure:
        try:
            return _describe(example, extractor, standard)
        except AuricleError as error:
            return Failure(example.file, error)

    done: list[_One] = []
    kept: list[int] = []
    failures: list[Failure] = []
    for index, result in enumerate(spread(one, dataset.examples, workers=workers)):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            done.append(result)
            kept.append(index)
        if progress:
            progress("features", index + 1, len(dataset.examples))
    if failures and not (skip_bad and done):
        raise DataError(_sentence(failures, len(dataset.examples)))
    examples = Examples(
        rows=np.concatenate([one.rows for one in done]),
        owner=np.repeat(np.arange(len(done)), [len(one.rows) for one in done]),
        start_s=np.array([start_s for one in done for start_s, _ in one.bounds_s]),
        end_s=np.array([end_s for one in done for _, end_s in one.bounds_s]),
        standard=np.stack([one.standard for one in done]),
        quality=tuple(one.quality for one in done),
        hashes=np.stack([np.frombuffer(one.digest, np.uint8) for one in done]),
    )
    return (dataset.subset(kept) if failures else dataset), examples, tuple(failures)


def windows_of(example: Example, extractor: Extractor) -> list[Window]:
    """Return the windows of one labelled recording, as training and prediction both cut them."""
    return extractor.windows(
        read(example.file, rate_hz=extractor.spec.rate_hz, start_s=example.start_s, end_s=example.end_s)
    )


def _describe(example: Example, extractor: Extractor, standard: Extractor) -> _One:
    windows = windows_of(example, extractor)
    lengths_s = [window.samples.size / window.rate_hz for window in windows]
    whole = quality.combine([quality.measure(window.samples, window.rate_hz) for window in windows], lengths_s)
    if whole.peak_db <= quality.FLOOR_DB:
        raise AudioError(
            f"{example.file}: a recording must hold sound. Every sample of its {windows[-1].end_s:.3f} s is zero. "
            "Remove it, or record it again."
        )
    # A labelled part of a file begins where its label does: its windows count from there.
    return _One(
        bounds_s=[(example.start_s + window.start_s, example.start_s + window.end_s) for window in windows],
        rows=np.stack([extractor.row(window.samples) for window in windows]),
        standard=np.stack([standard.row(window.samples) for window in windows])
        .mean(axis=0, dtype=np.float64)
        .astype(np.float32),
        quality=whole,
        digest=_digest(example.file),
    )


def _digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _sentence(failures: list[Failure], n: int) -> str:
    shown = "; ".join(str(failure.error) for failure in failures[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"Every recording must be usable. {len(failures)} of {n} are not: {shown}{more}. "
        "Repair or remove them, or leave them out with --skip-bad."
    )
