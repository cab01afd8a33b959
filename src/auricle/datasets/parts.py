"""Further parts of a data set's rows, embeddings and images: computed where sound is cut, and kept in the cache."""

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Progress, content_hash, windows_of
from auricle.errors import FeatureError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.extractor import Extractor
from auricle.features.parts import FeatureBlock
from auricle.features.spec import FeatureSpec
from auricle.runtime.compute import parallel_map

__all__ = ["part_rows"]


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
    one = partial(_rows, part=part, extractor=Extractor(spec), cache=cache)
    # Not for other machines: a part may carry a graph of many megabytes, and reads a recording in milliseconds.
    for index, (rows, seconds) in enumerate(parallel_map(one, dataset.examples, workers=workers)):
        found.append(rows)
        if progress:
            sound_s += seconds
            rate = sound_s / max(time.perf_counter() - started, 1e-9)
            progress(part.name, index + 1, len(dataset.examples), f"{rate:.0f} × real time")  # noqa: RUF001
    return np.concatenate(found)


def _rows(
    example: Example, *, part: FeatureBlock, extractor: Extractor, cache: FeatureCache | None
) -> tuple[NDArray[np.float32], float]:
    """Return the rows of one recording, and the seconds of its sound, from the cache where they are kept."""
    spec, key = extractor.spec, b""
    if cache is not None:
        windows = f"{spec.rate_hz}:{spec.window_samples}:{spec.window_hop_samples}"
        key = key_of(
            content_hash(example.file).tobytes(),
            f"{example.start_s}:{example.end_s}",
            f"{part.name} {windows}",
            part.fingerprint(),
        )
        arrays = cache.get(key)
        if arrays is not None:
            return arrays["rows"], float(arrays["seconds"])
    cut = windows_of(example, extractor)
    try:
        rows = np.stack([part.row(window.samples, window.rate_hz) for window in cut])
    except FeatureError as error:
        raise FeatureError(f"{example.file}: {error}") from error
    seconds = sum(window.end_s - window.start_s for window in cut)
    if cache is not None:
        cache.put(key, {"rows": rows, "seconds": np.array(seconds)})
    return rows, seconds
