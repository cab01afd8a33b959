"""Outputs of a pass over a recording: feature rows with quality, rows of an embedding or image, the first window."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples
from auricle.audio.decode import Sound
from auricle.audio.windows import Window
from auricle.datasets.dataset import Example
from auricle.datasets.one_pass import Arrays, QualityMeter, WindowGrid
from auricle.errors import AudioError, FeatureError
from auricle.features.cache import key_of
from auricle.features.pipeline import FeatureBlock, FeaturePipeline
from auricle.features.spec import FeatureSpec
from auricle.records import Quality

__all__ = ["BlockRows", "FirstWindow", "WindowRows"]


@dataclass(frozen=True, slots=True)
class WindowRows:
    """The model row and the standard row of every window, and the quality of the recording."""

    pipeline: FeaturePipeline

    @property
    def grid(self) -> WindowGrid:
        """Windows of the pipeline's spec."""
        return WindowGrid.of(self.pipeline.spec)

    def key(self, example: Example, digest: bytes) -> bytes:
        """Return the cache key of a recording's rows."""
        specs = [spec for spec in (self.pipeline.spec, self.pipeline.standard) if spec is not None]
        part = f"{example.part}:{quality.VERSION}"
        return key_of(digest, part, *(spec.fingerprint() for spec in specs))

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_WindowRowsAccumulator":
        """Begin a recording."""
        return _WindowRowsAccumulator(self.pipeline, sound.name, digest, meter)


class _WindowRowsAccumulator:
    def __init__(self, pipeline: FeaturePipeline, name: str, digest: NDArray[np.uint8], meter: QualityMeter) -> None:
        self._pipeline, self._name, self._digest, self._meter = pipeline, name, digest, meter
        self._rows: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        self._bounds_s: list[tuple[float, float]] = []
        self._durations_s: list[float] = []
        self._qualities: list[Quality] = []
        self._error: FeatureError | None = None

    def push(self, window: Window) -> None:
        self._qualities.append(self._meter.measure(window))
        self._bounds_s.append((window.start_s, window.end_s))
        self._durations_s.append(window.samples.size / window.rate_hz)
        if self._error is None:
            try:
                self._rows.append(self._pipeline.both_rows(window.samples))
            except FeatureError as error:  # raised at the end: an error about silence takes precedence
                self._error = error

    def arrays(self) -> Arrays:
        whole = quality.combine(self._qualities, self._durations_s)
        if whole.peak_db <= quality.FLOOR_DB:
            raise AudioError(
                f"{self._name}: a recording must hold sound. Every sample of its {sum(self._durations_s):.3f} s is "
                "zero. Remove it, or record it again."
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
class BlockRows:
    """The rows of one feature block, such as an embedding or an image, for every window of a spec."""

    block: FeatureBlock
    spec: FeatureSpec

    @property
    def grid(self) -> WindowGrid:
        """Windows of the spec."""
        return WindowGrid.of(self.spec)

    def key(self, example: Example, digest: bytes) -> bytes:
        """Return the cache key of a recording's rows of the block."""
        windows = ":".join(map(str, self.grid))
        return key_of(digest, example.part, f"{self.block.name} {windows}", self.block.fingerprint())

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_BlockRowsAccumulator":  # noqa: ARG002
        """Begin a recording."""
        return _BlockRowsAccumulator(self.block)


class _BlockRowsAccumulator:
    def __init__(self, block: FeatureBlock) -> None:
        self._block, self._rows, self._seconds = block, list[NDArray[np.float32]](), 0.0

    def push(self, window: Window) -> None:
        self._rows.append(self._block.row(window.samples, window.rate_hz))
        self._seconds += window.end_s - window.start_s

    def arrays(self) -> Arrays:
        return {"rows": np.stack(self._rows), "seconds": np.array(self._seconds)}


@dataclass(frozen=True, slots=True)
class FirstWindow:
    """The samples of a recording's first window under a spec; never cached."""

    spec: FeatureSpec

    @property
    def grid(self) -> WindowGrid:
        """Windows of the spec."""
        return WindowGrid.of(self.spec)

    def key(self, example: Example, digest: bytes) -> None:
        """Return None: samples take more room than rows, and few recordings need them."""

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_FirstWindowAccumulator":  # noqa: ARG002
        """Begin a recording."""
        return _FirstWindowAccumulator()


class _FirstWindowAccumulator:
    def __init__(self) -> None:
        self._samples: Samples = np.empty(0, np.float32)

    def push(self, window: Window) -> None:
        if not self._samples.size:
            self._samples = window.samples

    def arrays(self) -> Arrays:
        return {"samples": self._samples}
