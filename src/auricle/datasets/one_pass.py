"""One pass over a recording: its file is decoded once for all that is computed of it, which the cache then keeps.

What is computed is a list of `Output`, each with a key of its own in the cache. Those that are not in the cache yet
share one decoder, one resampler for each rate, and one cutter for each kind of window; the sound flows through them in
blocks, so that memory grows with what comes out, not with the length of a recording.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples
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
    """How a recording is cut: windows of a length, each a hop after the one before, at a rate.

    ``window_samples`` None makes the whole recording one window.
    """

    rate_hz: int
    window_samples: int | None
    hop_samples: int

    @classmethod
    def of(cls, spec: FeatureSpec) -> "WindowGrid":
        """Return how a spec cuts."""
        return cls(spec.rate_hz, spec.window_samples, spec.window_hop_samples)


class QualityMeter:
    """Measures the quality of the stretches of one recording, each stretch once however often it is asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], Quality] = {}

    def measure(self, window: Window) -> Quality:
        """Return the quality of one stretch."""
        key = window.rate_hz, window.start_samples, window.samples.size
        if key not in self._known:
            self._known[key] = quality.measure(window.samples, window.rate_hz)
        return self._known[key]


class Accumulator(Protocol):
    """Takes the windows of one recording, one after the other, and makes arrays of them."""

    def push(self, window: Window) -> None:
        """Take the next window, or the next block where the output has no grid."""

    def arrays(self) -> Arrays:
        """Return what was computed, once the sound has ended."""


class Output(Protocol):
    """Something that is computed of each recording, and kept in the cache."""

    @property
    def grid(self) -> WindowGrid | None:
        """The windows that it is computed from; None for the blocks as they are decoded, at the file's rate."""

    def key(self, example: Example, digest: bytes) -> bytes | None:
        """Return where the cache keeps it, by the SHA-256 of the recording's file; None to keep it nowhere."""

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> Accumulator:
        """Begin with one recording.

        Parameters
        ----------
        sound : Sound
            The open file, whose blocks are not this output's to read.
        digest : uint8, shape (32,)
            SHA-256 of the file.
        meter : QualityMeter
            Shared by all outputs of the recording.
        """


def run_pass(
    example: Example, outputs: Sequence[Output], cache: FeatureCache | None = None
) -> list[Arrays | AuricleError]:
    """Return each output of one recording from the cache, or compute and keep those that are not there, in one pass.

    Returns
    -------
    for each output its arrays, or why there are none: sound that cannot be read has none of them
    """
    try:
        digest = content_hash(example.file)
    except AudioError as error:
        return [error] * len(outputs)
    keys = [None if cache is None else output.key(example, digest.tobytes()) for output in outputs]
    found = [None if cache is None or key is None else cache.get(key) for key in keys]
    missing = [place for place, arrays in enumerate(found) if arrays is None]
    results: list[Arrays | AuricleError] = [arrays or {} for arrays in found]
    if missing:
        computed = _compute(example, [outputs[place] for place in missing], digest)
        for place, arrays in zip(missing, computed, strict=True):
            results[place], key = arrays, keys[place]
            if cache is not None and key is not None and not isinstance(arrays, AuricleError):
                cache.put(key, arrays)
    return results


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


def _compute(example: Example, outputs: Sequence[Output], digest: NDArray[np.uint8]) -> list[Arrays | AuricleError]:
    """Decode the recording, and give every output the windows of its grid."""
    meter, running = QualityMeter(), [_Running(example.file) for _ in outputs]
    try:
        with open_sound(example.file) as sound:
            takers: dict[WindowGrid | None, list[_Running]] = {}
            for output, one in zip(outputs, running, strict=True):
                with one.guarded():
                    one.accumulator = output.start(sound, digest, meter)
                takers.setdefault(output.grid, []).append(one)
            start = round(example.start_s * sound.rate_hz)
            cutters = {
                grid: _Blocks(sound.rate_hz, start) if grid is None else _Windows(grid, sound, start) for grid in takers
            }
            for block in sound.blocks(start_s=example.start_s, end_s=example.end_s):
                for grid, cutter in cutters.items():
                    windows = cutter.push(block)
                    for one in takers[grid]:
                        one.push(windows)
            for grid, cutter in cutters.items():
                windows = cutter.flush()
                for one in takers[grid]:
                    one.push(windows)
    except AuricleError as error:
        return [error] * len(outputs)
    return [one.result() for one in running]


class _Running:
    """One output while the sound flows, or the first error that it met."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._error: AuricleError | None = None
        self.accumulator: Accumulator | None = None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep an error to this output: the others go on."""
        try:
            yield
        except FeatureError as error:  # it speaks of a window, and knows no file
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
        assert self._error is not None  # noqa: S101  (what has no accumulator has an error)
        return self._error


class _Blocks:
    """Places blocks in their file, and cuts nothing."""

    def __init__(self, rate_hz: int, start: int) -> None:
        self._rate_hz, self._next = rate_hz, start

    def push(self, block: Samples) -> list[Window]:
        start, self._next = self._next, self._next + block.size
        return [Window(block, start, self._rate_hz)]

    def flush(self) -> list[Window]:
        return []


class _Windows:
    """Brings blocks to the rate of a grid, and cuts them into its windows."""

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
