"""Scan recordings for inspection, in constant memory: fingerprint, sound quality, standard row, duration and rate."""

from dataclasses import astuple, dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import Sound
from auricle.audio.resample import Resampler
from auricle.audio.windows import Cutter, Window, cut
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, Progress, partition_failures
from auricle.datasets.one_pass import Arrays, QualityMeter, run_pass
from auricle.errors import AuricleError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import standard_spec
from auricle.inspection import fingerprints
from auricle.inspection.fingerprints import LONGEST_S, RATE_HZ, Digest, Fingerprint, frames_of
from auricle.records import Quality
from auricle.runtime.compute import parallel_map

__all__ = ["Recording", "RecordingFacts", "scan_dataset"]

PIECE_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Measures of one recording.

    Parameters
    ----------
    fingerprint : Fingerprint
    quality : Quality
    row : float32, shape (d,)
        Mean standard row at 8 kHz.
    duration_s : float
    rate_hz, channels : int
        Of the file.
    """

    fingerprint: Fingerprint
    quality: Quality
    row: NDArray[np.float32]
    duration_s: float
    rate_hz: int
    channels: int

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """Return a recording from the arrays of a pass or the cache."""
        length_s, rate_hz, channels = arrays["sizes"].tolist()
        return cls(
            Fingerprint(arrays["digest"].tobytes(), arrays["frames"]),
            Quality(*arrays["quality"].tolist()),
            arrays["row"],
            duration_s=length_s,
            rate_hz=int(rate_hz),
            channels=int(channels),
        )


def scan_dataset(
    dataset: Dataset,
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.intp], tuple[Recording, ...], tuple[Failure, ...]]:
    """Scan every recording of a dataset, in parallel.

    Parameters
    ----------
    dataset : Dataset
    workers : int, optional
        Threads; None for every core.
    cache : FeatureCache, optional
        Keeps measures by the content of each file.
    progress : Progress, optional
        Called after every recording.

    Returns
    -------
    indices : intp, shape (n,)
        Readable recordings.
    recordings : tuple of Recording
    failures : tuple of Failure
    """
    scan = partial(run_pass, outputs=[RecordingFacts()], cache=cache)

    def report(done: int, _: Recording | Failure) -> None:
        if progress:
            progress("scan", done, len(dataset.examples))

    passed = zip(dataset.examples, parallel_map(scan, dataset.examples, workers=workers), strict=True)
    kept, recordings, failures = partition_failures(
        (_recording(example, result) for example, (result,) in passed), report
    )
    return np.array(kept, np.intp), tuple(recordings), failures


def _recording(example: Example, result: Arrays | AuricleError) -> Recording | Failure:
    return Failure.of(example, result) if isinstance(result, AuricleError) else Recording.of(result)


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """Output of a pass: the arrays of a :class:`Recording`.

    Quality is measured on pieces of ten seconds; the row is the mean over the first ten minutes.
    """

    grid: None = None

    def key(self, example: Example, digest: bytes) -> bytes:
        """Return the cache key of a recording's measures."""
        part = f"{example.part}:{PIECE_S}:{quality.VERSION}:{fingerprints.VERSION}"
        return key_of(digest, part, "listening", standard_spec(RATE_HZ).fingerprint())

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_Facts":  # noqa: ARG002
        """Begin a recording."""
        return _Facts(sound.rate_hz, sound.channels, meter)


class _Facts:
    """Measures of one recording, block by block."""

    def __init__(self, rate_hz: int, channels: int, meter: QualityMeter) -> None:
        self._rate_hz, self._channels, self._meter = rate_hz, channels, meter
        self._digest, self._resampler = Digest(rate_hz), Resampler(rate_hz, RATE_HZ)
        self._cutter: Cutter | None = None
        self._qualities: list[Quality] = []
        self._durations_s: list[float] = []
        self._resampled: list[Samples] = []

    def push(self, window: Window) -> None:
        if self._cutter is None:
            size = round(PIECE_S * self._rate_hz)
            self._cutter = Cutter(size, size, self._rate_hz, first_sample=window.start_samples)
        for piece in self._cutter.push(window.samples):
            self._take(piece)

    def _take(self, piece: Window) -> None:
        self._digest.push(piece.samples)
        self._qualities.append(self._meter.measure(piece))
        if sum(self._durations_s) < LONGEST_S:
            self._resampled.append(self._resampler.push(piece.samples))
        self._durations_s.append(piece.samples.size / self._rate_hz)

    def arrays(self) -> Arrays:
        for piece in self._cutter.flush(is_whole=False) if self._cutter else ():  # the last may be shorter
            self._take(piece)
        self._resampled.append(self._resampler.flush())
        samples = np.concatenate(self._resampled)
        whole = quality.combine(self._qualities, self._durations_s)
        return {
            "digest": np.frombuffer(self._digest.value, np.uint8),
            "frames": frames_of(samples),
            "quality": np.array(astuple(whole)),
            "row": _row(samples),
            "sizes": np.array([sum(self._durations_s), self._rate_hz, self._channels]),
        }


def _row(samples: Samples) -> NDArray[np.float32]:
    pipeline = FeaturePipeline(standard_spec(RATE_HZ))
    missing = pipeline.spec.n_fft - samples.size
    if missing > 0:
        samples = np.pad(samples, (0, missing))
    size = round(PIECE_S * RATE_HZ)
    rows = np.stack([pipeline.row(window.samples) for window in cut(Clip(samples, RATE_HZ), size, size)])
    mean: NDArray[np.float32] = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
