"""From a data set to what models eat: the rows of every window, and which recording each window is of."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples
from auricle.audio.decode import Sound, read
from auricle.audio.windows import Window
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.one_pass import Arrays, Output, QualityMeter, WindowGrid, run_pass
from auricle.errors import AudioError, AuricleError, DataError, FeatureError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.records import Quality
from auricle.runtime.compute import parallel_map

__all__ = [
    "Extraction",
    "Failure",
    "FeatureTable",
    "Progress",
    "RecordingFeatures",
    "describe",
    "extract",
    "extract_with",
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

    @classmethod
    def joined(cls, recordings: Sequence["RecordingFeatures"]) -> Self:
        """Join the features of recordings, one after the other."""
        bounds_s = np.concatenate([one.bounds_s for one in recordings])
        return cls(
            rows=np.concatenate([one.rows for one in recordings]),
            owner=np.repeat(np.arange(len(recordings)), [len(one.rows) for one in recordings]),
            start_s=bounds_s[:, 0],
            end_s=bounds_s[:, 1],
            standard=np.concatenate([one.standard for one in recordings]),
            quality=tuple(Quality(*one.quality.tolist()) for one in recordings),
            hashes=np.stack([one.digest for one in recordings]),
        )

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
    """Compute the rows of every recording of a data set; as :func:`extract_with`, and nothing beside them.

    Returns
    -------
    the data set without the recordings left out, its features, and what was left out
    """
    found = extract_with(dataset, spec, (), workers=workers, skip_bad=skip_bad, cache=cache, progress=progress)
    return found.dataset, found.examples, found.failures


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """What one pass over the recordings of a data set gave.

    Parameters
    ----------
    dataset : the recordings that could be used
    examples : their features
    failures : recordings that were left out
    further : each further output of each recording, or why there is none
    first_windows : the first window of some recordings, by their place in ``dataset``
    """

    dataset: Dataset
    examples: FeatureTable
    failures: tuple[Failure, ...]
    further: tuple[list[Arrays | AuricleError], ...]
    first_windows: dict[int, Samples]


def extract_with(
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
    """Compute the rows of every recording of a data set, and what else is wanted, on all cores; decode each file once.

    Parameters
    ----------
    dataset : labelled recordings
    spec : what to compute
    further : what else to compute of each recording
    first_windows : places of recordings whose first window is wanted as sound
    workers : threads; None for every core
    skip_bad : leave out recordings that cannot be used, instead of raising
    cache : where features are kept from one training to the next
    progress : told of every recording

    Raises
    ------
    DataError : recordings that cannot be used (each is named), or none is left
    """
    outputs: list[Output] = [WindowRows(FeaturePipeline(spec, standard=standard_spec(spec.rate_hz))), *further]
    one = partial(_pass, outputs=outputs, first=FirstWindow(spec), cache=cache)
    places = set(first_windows)
    items = [(example, place in places) for place, example in enumerate(dataset.examples)]
    started, sound_s = time.perf_counter(), 0.0

    def told(n_done: int, result: _Passed | Failure) -> None:
        nonlocal sound_s
        if progress:
            sound_s += 0.0 if isinstance(result, Failure) else float(np.diff(result.rows.bounds_s).sum())
            rate = sound_s / max(time.perf_counter() - started, 1e-9)
            progress("features", n_done, len(dataset.examples), f"{rate:.0f} × real time")  # noqa: RUF001

    kept, done, failures = partition_failures(parallel_map(one, items, workers=workers, on_engine=True), told)
    if failures and not (skip_bad and done):
        raise DataError(_sentence(failures, len(dataset.examples)))
    return Extraction(
        dataset=dataset.subset(np.array(kept)) if failures else dataset,
        examples=FeatureTable.joined([one.rows for one in done]),
        failures=failures,
        further=tuple([one.further[index] for one in done] for index in range(len(further))),
        first_windows={place: one.first for place, one in enumerate(done) if one.first is not None},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Passed:
    """What one pass gave of one recording."""

    rows: RecordingFeatures
    further: list[Arrays | AuricleError]
    first: Samples | None


def _pass(
    item: tuple[Example, bool], *, outputs: Sequence[Output], first: Output, cache: FeatureCache | None
) -> _Passed | Failure:
    """Compute all outputs of one recording; without rows, the recording has failed."""
    example, is_first_wanted = item
    rows, *further = run_pass(example, [*outputs, first] if is_first_wanted else outputs, cache)
    if isinstance(rows, AuricleError):
        return Failure(example.file, rows)
    window = further.pop() if is_first_wanted else None
    return _Passed(RecordingFeatures(**rows), further, window["samples"] if isinstance(window, dict) else None)


def windows_of(example: Example, pipeline: FeaturePipeline) -> list[Window]:
    """Return the windows of one labelled recording, as training and prediction both cut them."""
    return pipeline.windows(
        read(example.file, rate_hz=pipeline.spec.rate_hz, start_s=example.start_s, end_s=example.end_s)
    )


def describe(example: Example, *, pipeline: FeaturePipeline) -> RecordingFeatures | Failure:
    """Return the features of one recording, or why there are none."""
    (result,) = run_pass(example, [WindowRows(pipeline)])
    return Failure(example.file, result) if isinstance(result, AuricleError) else RecordingFeatures(**result)


@dataclass(frozen=True, slots=True)
class WindowRows:
    """The model's rows and the standard rows of every window, and the recording's quality: an output of a pass."""

    pipeline: FeaturePipeline

    @property
    def grid(self) -> WindowGrid:
        """The windows of the pipeline's spec."""
        return WindowGrid.of(self.pipeline.spec)

    def key(self, example: Example, digest: bytes) -> bytes:
        """Return the key of a recording's rows."""
        part = f"{example.start_s}:{example.end_s}:{quality.VERSION}"
        return key_of(digest, part, *(spec.fingerprint() for spec in self._specs))

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_Rows":
        """Begin with one recording."""
        return _Rows(self.pipeline, sound.name, digest, meter)

    @property
    def _specs(self) -> tuple[FeatureSpec, ...]:
        standard = self.pipeline.standard
        return (self.pipeline.spec,) if standard is None else (self.pipeline.spec, standard)


class _Rows:
    """The rows of one recording while its windows come."""

    def __init__(self, pipeline: FeaturePipeline, name: str, digest: NDArray[np.uint8], meter: QualityMeter) -> None:
        self._pipeline, self._name, self._digest, self._meter = pipeline, name, digest, meter
        self._rows: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        self._bounds_s: list[tuple[float, float]] = []
        self._lengths_s: list[float] = []
        self._qualities: list[Quality] = []
        self._error: FeatureError | None = None

    def push(self, window: Window) -> None:
        self._qualities.append(self._meter.measure(window))
        self._bounds_s.append((window.start_s, window.end_s))
        self._lengths_s.append(window.samples.size / window.rate_hz)
        if self._error is None:
            try:
                self._rows.append(self._pipeline.both_rows(window.samples))
            except FeatureError as error:  # that a recording is silent is said first
                self._error = error

    def arrays(self) -> Arrays:
        whole = quality.combine(self._qualities, self._lengths_s)
        if whole.peak_db <= quality.FLOOR_DB:
            raise AudioError(
                f"{self._name}: a recording must hold sound. Every sample of its {sum(self._lengths_s):.3f} s is zero. "
                "Remove it, or record it again."
            )
        if self._error is not None:
            raise self._error
        rows, standard = zip(*self._rows, strict=True)
        return {
            "rows": np.stack(rows),
            "bounds_s": np.array(self._bounds_s),
            "standard": np.stack(standard),
            "quality": np.array(astuple(whole)),
            "digest": self._digest,
        }


@dataclass(frozen=True, slots=True)
class FirstWindow:
    """The samples of a recording's first window under a spec: an output of a pass that is not kept in the cache."""

    spec: FeatureSpec

    @property
    def grid(self) -> WindowGrid:
        """The windows of the spec."""
        return WindowGrid.of(self.spec)

    def key(self, example: Example, digest: bytes) -> None:
        """Return that it is kept nowhere: sound takes more room than rows, and few recordings are asked for it."""

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_First":  # noqa: ARG002
        """Begin with one recording."""
        return _First()


class _First:
    def __init__(self) -> None:
        self._samples: Samples = np.empty(0, np.float32)

    def push(self, window: Window) -> None:
        if not self._samples.size:
            self._samples = window.samples

    def arrays(self) -> Arrays:
        return {"samples": self._samples}


def _sentence(failures: Sequence[Failure], n: int) -> str:
    shown = "; ".join(str(failure.error).removesuffix(".") for failure in failures[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"Every recording must be usable. {len(failures)} of {n} are not: {shown}{more}. "
        "Repair or remove them, or leave them out with --skip-bad."
    )
