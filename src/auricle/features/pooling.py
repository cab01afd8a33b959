"""Pooling: many frames become one row of statistics."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.features.spec import FeatureSpec

__all__ = ["part_frames", "pool", "sounding"]


def pool(values: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the statistics of the frames over the whole window and over each part: float32, shape (d,).

    Parameters
    ----------
    values : float32, shape (n_frames, n_values)
    """
    rows = [_statistic(values, name, spec) for name in spec.statistics]
    if spec.parts > 1:
        for part in range(spec.parts):
            some = values[part_frames(len(values), spec.parts, part)]
            rows += [_statistic(some, name, spec) for name in spec.part_statistics]
    return np.concatenate(rows, dtype=np.float32)


def part_frames(n_frames: int, parts: int, part: int) -> slice:
    """Return the frames of one of ``parts`` equal parts; never empty, so parts share frames where those are few."""
    start = min(part * n_frames // parts, n_frames - 1)
    return slice(start, max(start + 1, (part + 1) * n_frames // parts))


def sounding(energy: NDArray[np.float32], trim_db: float) -> slice:
    """Return the frames from the first to the last whose energy is within ``trim_db`` of the largest."""
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-trim_db / 10))
    return slice(int(loud[0]), int(loud[-1]) + 1)


def _statistic(values: NDArray[np.float32], name: str, spec: FeatureSpec) -> NDArray[np.float64]:
    frames = values.astype(np.float64)
    if name == "slope":
        time_s = np.arange(len(frames)) * (spec.hop / spec.rate_hz)
        time_s -= time_s.mean()
        slopes: NDArray[np.float64] = (time_s[:, np.newaxis] * frames).sum(axis=0) / max((time_s**2).sum(), 1e-30)
        return slopes
    if name.startswith("p"):
        ranks: NDArray[np.float64] = np.percentile(frames, int(name[1:]), axis=0)
        return ranks
    plain: dict[str, Callable[..., Any]] = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max}
    return np.asarray(plain[name](frames, axis=0))
