"""Further blocks of a data set's rows, embeddings and images: computed where sound is cut, and kept in the cache."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import Sound
from auricle.audio.windows import Window
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Progress
from auricle.datasets.one_pass import Arrays, QualityMeter, WindowGrid, run_pass
from auricle.errors import AuricleError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.pipeline import FeatureBlock
from auricle.features.spec import FeatureSpec
from auricle.runtime.compute import parallel_map

__all__ = ["BlockRows", "joined_rows", "part_rows"]


def part_rows(
    dataset: Dataset,
    part: FeatureBlock,
    spec: FeatureSpec,
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Compute one part of the rows of every window of a data set, recording after recording.

    Parameters
    ----------
    dataset : recordings that are known to be usable
    part : what to compute
    spec : how sound is cut into windows
    workers : threads; None for every core
    cache : where it is kept from one training to the next
    progress : told of every recording

    Returns
    -------
    float32, shape (n_windows, len(part.columns)), in the order of the examples' rows

    Raises
    ------
    AudioError : a recording that cannot be read
    FeatureError : a window that the part cannot describe; its file is named
    ModelError : an embedding's graph fails
    """
    found, started, sound_s = [], time.perf_counter(), 0.0
    one = partial(run_pass, outputs=[BlockRows(part, spec)], cache=cache)
    # Not for other machines: a block may carry a graph of many megabytes, and reads a recording in milliseconds.
    for index, (result,) in enumerate(parallel_map(one, dataset.examples, workers=workers)):
        found.append(result)
        if progress:
            sound_s += 0.0 if isinstance(result, AuricleError) else float(result["seconds"])
            rate = sound_s / max(time.perf_counter() - started, 1e-9)
            progress(part.name, index + 1, len(dataset.examples), f"{rate:.0f} × real time")  # noqa: RUF001
    return joined_rows(found)


def joined_rows(results: Iterable[Arrays | AuricleError]) -> NDArray[np.float32]:
    """Join the rows of recordings, one after the other; raise the first error among them."""
    rows = []
    for result in results:
        if isinstance(result, AuricleError):
            raise result
        rows.append(result["rows"])
    return np.concatenate(rows)


@dataclass(frozen=True, slots=True)
class BlockRows:
    """The rows of one block of every window that a spec cuts: an output of a pass."""

    block: FeatureBlock
    spec: FeatureSpec

    @property
    def grid(self) -> WindowGrid:
        """The windows of the spec."""
        return WindowGrid.of(self.spec)

    def key(self, example: Example, digest: bytes) -> bytes:
        """Return the key of a recording's rows of the block."""
        windows = ":".join(map(str, self.grid))
        part = f"{example.start_s}:{example.end_s}"
        return key_of(digest, part, f"{self.block.name} {windows}", self.block.fingerprint())

    def start(self, sound: Sound, digest: NDArray[np.uint8], meter: QualityMeter) -> "_Rows":  # noqa: ARG002
        """Begin with one recording."""
        return _Rows(self.block)


class _Rows:
    """The rows of one recording while its windows come."""

    def __init__(self, block: FeatureBlock) -> None:
        self._block, self._rows, self._seconds = block, list[NDArray[np.float32]](), 0.0

    def push(self, window: Window) -> None:
        self._rows.append(self._block.row(window.samples, window.rate_hz))
        self._seconds += window.end_s - window.start_s

    def arrays(self) -> Arrays:
        return {"rows": np.stack(self._rows), "seconds": np.array(self._seconds)}
