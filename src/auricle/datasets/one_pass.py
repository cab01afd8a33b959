"""Compute several outputs of a recording, such as features and fingerprints, in one decoding pass, with a cache.

Each `Output` has a cache key of its own. Outputs missing from the cache share one decoder and, for each window grid,
one resampler and one cutter. Sound passes through in blocks: memory grows with the outputs, not with the recording.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples
from auricle.audio.clipping import ClippedRuns
from auricle.audio.decode import Sound, open_sound
from auricle.audio.resample import Resampler
from auricle.audio.windows import Cutter, Window
from auricle.datasets.dataset import Example
from auricle.errors import AudioError, AuricleError, FeatureError
from auricle.features.cache import FeatureCache
from auricle.features.spec import FeatureSpec
from auricle.records import Quality

__all__ = ["Accumulator", "Arrays", "Output", "QualityMeter", "WindowGrid", "content_hash", "run_pass"]

Arrays = dict[str, NDArray[Any]]


class WindowGrid(NamedTuple):
    """Sample rate, window length and hop of the windows of a recording.

    ``window_samples`` None makes the whole recording one window.
    """

    rate_hz: int
    window_samples: int | None
    hop_samples: int

    @classmethod
    def of(cls, spec: FeatureSpec) -> "WindowGrid":
        """Return the grid of a spec."""
        return cls(spec.rate_hz, spec.window_samples, spec.window_hop_samples)


class QualityMeter:
    """Measures the quality of windows of one recording; a window that several outputs measure is measured once.

    Parameters
    ----------
    rate_hz : int
        Sample rate of the file.
    start_s : float
        Where the recording begins in the file.
    """

    def __init__(self, rate_hz: int, start_s: float = 0.0) -> None:
        self._clipped, self._start_s = ClippedRuns(rate_hz), start_s
        self._measured: dict[tuple[int, int, int], Quality] = {}

    def hear(self, block: Samples) -> None:
        """Take the next samples of the file, before the windows that hold them."""
        self._clipped.push(block)

    def measure(self, window: Window) -> Quality:
        """Return the quality of a window."""
        key = window.rate_hz, window.start_samples, window.samples.size
        if key not in self._measured:
            clipped = self._clipped.fraction(window.start_s - self._start_s, window.end_s - self._start_s)
            self._measured[key] = replace(quality.measure(window.samples, window.rate_hz), clipped=clipped)
        return self._measured[key]


class Accumulator(Protocol):
    """Takes the windows of one recording in order, and returns arrays at the end."""

    def push(self, window: Window) -> None:
        """Take the next window, or the next block if the output has no grid."""

    def arrays(self) -> Arrays:
        """Return the output, after the last window."""


class Output(Protocol):
    """Arrays computed for each recording, and cached."""

    @property
    def grid(self) -> WindowGrid | None:
        """Windows to compute from; None for the decoded blocks at the rate of the file."""

    def key(self, example: Example, digest: bytes) -> bytes | None:
        """Return the cache key, given the SHA-256 of the recording's file; None to bypass the cache."""

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> Accumulator:
        """Begin a recording.

        Parameters
        ----------
        sound : Sound
            The open file; its blocks must not be read.
        digest : uint8, shape (32,)
            SHA-256 of the file.
        meter : QualityMeter
            Shared by all outputs.
        """


def run_pass(
    example: Example, outputs: Sequence[Output], cache: FeatureCache | None = None
) -> list[Arrays | AuricleError]:
    """Return the outputs of one recording; those missing from the cache are computed in one pass and cached.

    Returns
    -------
    list
        For each output its arrays or its error; for a file that cannot be read, the same error for all.
    """
    try:
        digest = content_hash(example.file)
    except AudioError as error:
        return [error] * len(outputs)
    keys = [None if cache is None else output.key(example, digest.tobytes()) for output in outputs]
    cached = [None if cache is None or key is None else cache.get(key) for key in keys]
    missing = [index for index, arrays in enumerate(cached) if arrays is None]
    results: list[Arrays | AuricleError] = [arrays or {} for arrays in cached]
    if missing:
        computed = _compute(example, [outputs[index] for index in missing], digest)
        for index, arrays in zip(missing, computed, strict=True):
            results[index], key = arrays, keys[index]
            if cache is not None and key is not None and not isinstance(arrays, AuricleError):
                cache.put(key, arrays)
    return results


def content_hash(file: Path) -> NDArray[np.uint8]:
    """Return the SHA-256 of a recording's file, uint8, shape (32,): part of cache keys, and stored in bundles.

    Raises
    ------
    AudioError
        The file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return np.frombuffer(hashlib.file_digest(stream, "sha256").digest(), np.uint8)
    except OSError as error:
        raise AudioError(f"{file}: the recording must be a readable file. {error.strerror}.") from error


def _compute(example: Example, outputs: Sequence[Output], digest: NDArray[np.uint8]) -> list[Arrays | AuricleError]:
    """Decode the recording and push to every output the windows of its grid."""
    runs = [_OutputRun(example.file) for _ in outputs]
    try:
        with open_sound(example.file) as sound:
            meter = QualityMeter(sound.rate_hz, round(example.start_s * sound.rate_hz) / sound.rate_hz)
            by_grid: dict[WindowGrid | None, list[_OutputRun]] = {}
            for output, run in zip(outputs, runs, strict=True):
                with run.guarded():
                    run.accumulator = output.start(sound, digest, meter)
                by_grid.setdefault(output.grid, []).append(run)
            start = round(example.start_s * sound.rate_hz)
            cutters = {
                grid: _Blocks(sound.rate_hz, start) if grid is None else _Windows(grid, sound, start)
                for grid in by_grid
            }
            for block in sound.blocks(start_s=example.start_s, end_s=example.end_s, channel=example.channel):
                meter.hear(block)
                for grid, cutter in cutters.items():
                    windows = cutter.push(block)
                    for run in by_grid[grid]:
                        run.push(windows)
            for grid, cutter in cutters.items():
                windows = cutter.flush()
                for run in by_grid[grid]:
                    run.push(windows)
    except AuricleError as error:
        return [error] * len(outputs)
    return [run.result() for run in runs]


class _OutputRun:
    """One output during the pass, or its first error."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._error: AuricleError | None = None
        self.accumulator: Accumulator | None = None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Record an error of this output; the others continue."""
        try:
            yield
        except FeatureError as error:  # about a window: it does not name the file
            self._error = FeatureError(f"{self._file}: {error}")
        except AuricleError as error:
            self._error = error

    def push(self, windows: Sequence[Window]) -> None:
        if self._error is None and self.accumulator is not None:
            with self.guarded():
                for window in windows:
                    self.accumulator.push(window)

    def result(self) -> Arrays | AuricleError:
        if self._error is None and self.accumulator is not None:
            with self.guarded():
                return self.accumulator.arrays()
        assert self._error is not None  # noqa: S101  (without accumulator there is an error)
        return self._error


class _Blocks:
    """Passes blocks on uncut, with their position in the file."""

    def __init__(self, rate_hz: int, start: int) -> None:
        self._rate_hz, self._next = rate_hz, start

    def push(self, block: Samples) -> list[Window]:
        start, self._next = self._next, self._next + block.size
        return [Window(block, start, self._rate_hz)]

    def flush(self) -> list[Window]:
        return []


class _Windows:
    """Resamples blocks to the rate of a grid and cuts them into its windows."""

    def __init__(self, grid: WindowGrid, sound: Sound, start: int) -> None:
        self._name, self._grid, self._is_empty = sound.name, grid, True
        self._resampler = Resampler(sound.rate_hz, grid.rate_hz)
        first_sample = round(start / sound.rate_hz * grid.rate_hz)
        self._cutter = Cutter(grid.window_samples, grid.hop_samples, grid.rate_hz, first_sample=first_sample)

    def push(self, block: Samples) -> list[Window]:
        return self._cut(self._resampler.push(block))

    def flush(self) -> list[Window]:
        windows = self._cut(self._resampler.flush()) + self._cutter.flush()
        if self._is_empty:
            raise AudioError(
                f"{self._name}: the sound must be at least one sample long at {self._grid.rate_hz} Hz. It is shorter."
            )
        return windows

    def _cut(self, samples: Samples) -> list[Window]:
        self._is_empty = self._is_empty and not samples.size
        return self._cutter.push(samples)
