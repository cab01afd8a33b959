"""Feature extraction: from a dataset to a table with one row per window, and the recordings that failed."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.audio.decode import read
from auricle.audio.windows import Window
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.one_pass import Arrays, Output, run_pass
from auricle.datasets.outputs import BlockRows, FirstWindow, WindowRows
from auricle.errors import AuricleError, DataError
from auricle.features.cache import FeatureCache
from auricle.features.pipeline import FeatureBlock, FeaturePipeline
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.records import Quality
from auricle.runtime.compute import has_engine, parallel_map

__all__ = [
    "Extraction",
    "Failure",
    "FeatureTable",
    "Progress",
    "RecordingFeatures",
    "block_rows",
    "concatenate_rows",
    "describe",
    "extract",
    "extract_outputs",
    "partition_failures",
    "windows_of",
]

T = TypeVar("T")


class Progress(Protocol):
    """Callback of a long computation."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Report the stage, the items done, the items in total, and the speed as text."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be used, and the error."""

    file: Path
    error: AuricleError

    @classmethod
    def of(cls, example: Example, error: AuricleError) -> "Failure":
        """Return the failure of an example; the error of a part begins with the row or annotation that marks it."""
        is_part = example.start_s > 0 or example.end_s is not None
        if is_part and example.where and not str(error).startswith(example.where):
            error = type(error)(f"{example.where}: {error}")
        return cls(example.file, error)


def partition_failures(
    results: Iterable[T | Failure], on_result: Callable[[int, T | Failure], None] | None = None
) -> tuple[list[int], list[T], tuple[Failure, ...]]:
    """Separate the results of recordings from the failures.

    Parameters
    ----------
    results : iterable
        Results or failures, in the order of the recordings.
    on_result : callable, optional
        Called with the number of results so far and the newest one.

    Returns
    -------
    indices : list of int
        Index of the recording of each result.
    successes : list
    failures : tuple of Failure
    """
    indices, successes, failures = [], [], []
    for index, result in enumerate(results):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            indices.append(index)
            successes.append(result)
        if on_result:
            on_result(index + 1, result)
    return indices, successes, tuple(failures)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """The features of a dataset's recordings, one row per window.

    Parameters
    ----------
    rows : float32, shape (n_windows, n_columns)
        Model rows, recording after recording.
    owner : int64, shape (n_windows,)
        Index of the recording of each window.
    start_s, end_s : float64, shape (n_windows,)
        Bounds of each window in its file.
    standard : float32, shape (n_windows, n_standard)
        Standard rows, which novelty detection and monitoring use.
    quality : tuple of Quality
        Sound quality, one per recording.
    hashes : uint8, shape (n, 32)
        SHA-256 of each recording's file.
    """

    rows: NDArray[np.float32]
    owner: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    standard: NDArray[np.float32]
    quality: tuple[Quality, ...]
    hashes: NDArray[np.uint8]

    @classmethod
    def joined(cls, recordings: Sequence["RecordingFeatures"]) -> Self:
        """Concatenate the features of recordings."""
        bounds_s = np.concatenate([recording.bounds_s for recording in recordings])
        return cls(
            rows=np.concatenate([recording.rows for recording in recordings]),
            owner=np.repeat(np.arange(len(recordings)), [len(recording.rows) for recording in recordings]),
            start_s=bounds_s[:, 0],
            end_s=bounds_s[:, 1],
            standard=np.concatenate([recording.standard for recording in recordings]),
            quality=tuple(Quality(*recording.quality.tolist()) for recording in recordings),
            hashes=np.stack([recording.digest for recording in recordings]),
        )

    def recording_standard(self) -> NDArray[np.float32]:
        """Return the standard row of each recording, the mean over its windows, shape (n, n_standard)."""
        sums = np.zeros((len(self.hashes), self.standard.shape[1]))
        np.add.at(sums, self.owner, self.standard)
        return np.asarray(sums / np.bincount(self.owner)[:, None], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class RecordingFeatures:
    """The features of one recording, as computed and as cached.

    Parameters
    ----------
    rows : float32, shape (n_windows, n_columns)
        Model rows.
    bounds_s : float64, shape (n_windows, 2)
        Start and end of each window in its file.
    standard : float32, shape (n_windows, n_standard)
        Standard rows.
    quality : float64, shape (n_measures,)
        The fields of `Quality`.
    digest : uint8, shape (32,)
        SHA-256 of the file.
    """

    rows: NDArray[np.float32]
    bounds_s: NDArray[np.float64]
    standard: NDArray[np.float32]
    quality: NDArray[np.float64]
    digest: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """The result of one pass over the recordings of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The usable recordings.
    examples : FeatureTable
        Their features.
    failures : tuple of Failure
        Recordings left out.
    further : tuple of list
        For each further output, its arrays for each recording, or the error.
    first_windows : dict
        Index in ``dataset`` to the samples of the first window, for the recordings requested.
    """

    dataset: Dataset
    examples: FeatureTable
    failures: tuple[Failure, ...]
    further: tuple[list[Arrays | AuricleError], ...]
    first_windows: dict[int, Samples]


def extract(
    dataset: Dataset,
    spec: FeatureSpec,
    *,
    workers: int | None = None,
    skip_bad: bool = False,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, FeatureTable, tuple[Failure, ...]]:
    """Compute the feature rows of every recording; parameters and errors as of :func:`extract_outputs`.

    Returns
    -------
    The dataset of usable recordings, their features, and the failures.
    """
    found = extract_outputs(dataset, spec, (), workers=workers, skip_bad=skip_bad, cache=cache, progress=progress)
    return found.dataset, found.examples, found.failures


def extract_outputs(
    dataset: Dataset,
    spec: FeatureSpec,
    further: Sequence[Output],
    *,
    first_windows: Sequence[int] = (),
    workers: int | None = None,
    skip_bad: bool = False,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> Extraction:
    """Compute the feature rows and further outputs of every recording in parallel; each file is decoded once.

    Parameters
    ----------
    dataset : Dataset
        Labelled recordings.
    spec : FeatureSpec
        The features to compute.
    further : sequence of Output
        Further outputs for each recording.
    first_windows : sequence of int
        Indices of the recordings whose first window is returned as samples.
    workers : int, optional
        Threads; None for every core.
    skip_bad : bool
        Leave out recordings that cannot be used, instead of raising.
    cache : FeatureCache, optional
        Keeps features between trainings.
    progress : Progress, optional
        Called after every recording.

    Raises
    ------
    DataError
        Recordings that cannot be used (each is named), or none left.
    """
    outputs: list[Output] = [WindowRows(FeaturePipeline(spec, standard=standard_spec(spec.rate_hz))), *further]
    compute = partial(_compute, outputs=outputs, first=FirstWindow(spec), cache=cache)
    wanted = set(first_windows)
    # Workers of a cluster have working folders of their own.
    sent = [replace(e, file=e.file.absolute()) for e in dataset.examples] if has_engine() else dataset.examples
    items = [(example, index in wanted) for index, example in enumerate(sent)]
    report = _speed_reporter(progress, "features", len(items))

    def on_result(_: int, result: _Computed | Failure) -> None:
        report(0.0 if isinstance(result, Failure) else float(np.diff(result.features.bounds_s).sum()))

    indices, computed, failures = partition_failures(
        parallel_map(compute, items, workers=workers, on_engine=True), on_result
    )
    if failures and not (skip_bad and computed):
        raise DataError(_failure_message(failures, len(items)))
    return Extraction(
        dataset=dataset.subset(np.array(indices)) if failures else dataset,
        examples=FeatureTable.joined([recording.features for recording in computed]),
        failures=failures,
        further=tuple([recording.further[n] for recording in computed] for n in range(len(further))),
        first_windows={n: recording.first for n, recording in enumerate(computed) if recording.first is not None},
    )


@dataclass(frozen=True, slots=True)
class _Computed:
    """All outputs of one recording."""

    features: RecordingFeatures
    further: list[Arrays | AuricleError]
    first: Samples | None


def _compute(
    item: tuple[Example, bool], *, outputs: Sequence[Output], first: Output, cache: FeatureCache | None
) -> _Computed | Failure:
    """Compute all outputs of one recording; without feature rows it has failed."""
    example, is_first_wanted = item
    rows, *further = run_pass(example, [*outputs, first] if is_first_wanted else outputs, cache)
    if isinstance(rows, AuricleError):
        return Failure.of(example, rows)
    window = further.pop() if is_first_wanted else None
    return _Computed(RecordingFeatures(**rows), further, window["samples"] if isinstance(window, dict) else None)


def _speed_reporter(progress: Progress | None, stage: str, n_total: int) -> Callable[[float], None]:
    """Return a callback that takes the seconds of sound of each recording and reports progress and speed."""
    started, n_done, sound_s = time.perf_counter(), 0, 0.0

    def report(seconds: float) -> None:
        nonlocal n_done, sound_s
        n_done, sound_s = n_done + 1, sound_s + seconds
        if progress:
            speed = sound_s / max(time.perf_counter() - started, 1e-9)
            progress(stage, n_done, n_total, f"{speed:.0f} × real time")  # noqa: RUF001

    return report


def _failure_message(failures: Sequence[Failure], n: int) -> str:
    shown = "; ".join(str(failure.error).removesuffix(".") for failure in failures[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"Every recording must be usable. {len(failures)} of {n} are not: {shown}{more}. "
        "Repair or remove them, or leave them out with --skip-bad."
    )


def block_rows(
    dataset: Dataset,
    block: FeatureBlock,
    spec: FeatureSpec,
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Compute the rows of one feature block, such as an embedding, for every window of a dataset.

    Parameters
    ----------
    dataset : Dataset
        Recordings known to be usable.
    block : FeatureBlock
    spec : FeatureSpec
        Cuts the windows.
    workers : int, optional
        Threads; None for every core.
    cache : FeatureCache, optional
        Keeps rows between trainings.
    progress : Progress, optional
        Called after every recording.

    Returns
    -------
    float32, shape (n_windows, len(block.columns))
        In the order of the rows of the `FeatureTable`.

    Raises
    ------
    AudioError
        A recording cannot be read.
    FeatureError
        The block cannot be computed for a window; its file is named.
    ModelError
        An embedding's graph fails.
    """
    report, results = _speed_reporter(progress, block.name, len(dataset)), []
    compute = partial(run_pass, outputs=[BlockRows(block, spec)], cache=cache)
    # Never on an engine: a block may carry a graph of many megabytes, and computes a recording in milliseconds.
    for (result,) in parallel_map(compute, dataset.examples, workers=workers):
        results.append(result)
        report(0.0 if isinstance(result, AuricleError) else float(result["seconds"]))
    return concatenate_rows(results)


def concatenate_rows(results: Iterable[Arrays | AuricleError]) -> NDArray[np.float32]:
    """Concatenate the rows of recordings; raise the first error among them."""
    rows = []
    for result in results:
        if isinstance(result, AuricleError):
            raise result
        rows.append(result["rows"])
    return np.concatenate(rows)


def windows_of(example: Example, pipeline: FeaturePipeline) -> list[Window]:
    """Return the windows of one recording, as cut in training and in prediction."""
    return pipeline.windows(
        read(
            example.file,
            rate_hz=pipeline.spec.rate_hz,
            start_s=example.start_s,
            end_s=example.end_s,
            channel=example.channel,
        )
    )


def describe(example: Example, *, pipeline: FeaturePipeline) -> RecordingFeatures | Failure:
    """Return the features of one recording, or the failure."""
    (result,) = run_pass(example, [WindowRows(pipeline)])
    return Failure.of(example, result) if isinstance(result, AuricleError) else RecordingFeatures(**result)
