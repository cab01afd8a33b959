"""Analysis: one window in, the values of every frame out; where NumPy's world meets the kernels."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.errors import FeatureError
from auricle.features.plan import Plan, plan_of
from auricle.features.spec import FeatureSpec
from auricle.kernels.changes import finish
from auricle.kernels.frames import aligned, analyse
from auricle.kernels.framing import all_within
from auricle.kernels.lanes import LANES
from auricle.kernels.memory import Memory

__all__ = ["block_power", "checked", "delta_weights", "group_of", "values_of"]

DELTA_FRAMES = 9
LARGEST = 1e10  # far beyond any sound, and its power is still far from the largest float32


_MEMORY = Memory()


def checked(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Return one window's samples as float32.

    Raises
    ------
    FeatureError : not one channel, fewer samples than one frame, or a sample that is not finite or beyond ±1e10
    """
    array = np.require(samples, np.float32, ["C", "W"])
    if array.ndim != 1:
        raise FeatureError(f"A window must be one channel of samples. Got shape {array.shape}.")
    if array.size < spec.n_fft:
        raise FeatureError(
            f"A window must hold at least one frame of {spec.n_fft} samples ({spec.n_fft / spec.rate_hz:.4g} s at "
            f"{spec.rate_hz} Hz). Got {array.size}. Lower `n_fft` or leave the window out."
        )
    if not all_within(array, LARGEST):
        first = int(np.argmin(np.abs(array) < LARGEST))
        raise FeatureError(
            f"Every sample must be finite, and nominally within ±1 (±{LARGEST:g} at most). Sample {first} "
            f"({first / spec.rate_hz:.3f} s) is {array[first]:g}. Repair the recording or leave the window out."
        )
    return array


def values_of(samples: ArrayLike, plan: Plan) -> tuple[NDArray[np.float32], int]:
    """Return the values of every frame of one window.

    Returns
    -------
    values : float32, shape (plan.n_rows, width): the groups that were asked for, then those that they are made from
    n_frames : how many of the columns count; the others fill up the last block of lanes

    Raises
    ------
    FeatureError : not one channel, fewer samples than one frame, or a sample that is not finite
    """
    spec, tables = plan.spec, plan.tables
    array = checked(samples, spec)
    n_frames = spec.n_frames(array.size)
    width = -(-n_frames // LANES) * LANES + LANES  # kernels write whole lanes, at any frame
    values = aligned(plan.n_rows * width).reshape(plan.n_rows, width)
    n_ranks = int(tables.contrast[:, 2].max(initial=1))
    work = _MEMORY.get(spec.n_fft, spec.hop, spec.n_mels, n_ranks)
    if plan.in_lanes:
        analyse(array, 0, n_frames, True, tables, plan.rows, work, values)  # noqa: FBT003
    else:
        for first in range(0, n_frames, LANES):
            work.power[:] = block_power(array, first, spec.hop, tables.window)
            analyse(array, first, first + 1, False, tables, plan.rows, work, values)  # noqa: FBT003
    finish(values, n_frames, plan.rows, plan.counts, spec.n_fft, delta_weights(n_frames))
    return values, n_frames


def block_power(samples: NDArray[np.float32], first: int, hop: int, window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power spectrum of LANES frames by SciPy, all lanes of a bin side by side.

    Always as many frames, the last ones silent: the bits of one then do not depend on how many there are.
    """
    from scipy.fft import rfft  # seldom needed, and slow to import

    frames = np.zeros((LANES, window.size), np.float32)
    held = np.lib.stride_tricks.sliding_window_view(samples, window.size)[::hop][first : first + LANES]
    np.multiply(held, window, out=frames[: len(held)])
    spectrum = rfft(frames, axis=1)
    bins: NDArray[np.float32] = (spectrum.real**2 + spectrum.imag**2).T.ravel()
    return bins


def group_of(samples: ArrayLike, spec: FeatureSpec, group: str) -> NDArray[np.float32]:
    """Return one group of values of a window, frames first: float32, shape (n_frames, n)."""
    chosen = plan_of(spec, (group,))
    values, n_frames = values_of(samples, chosen)
    return np.ascontiguousarray(values[: chosen.n_wanted, :n_frames].T)


@lru_cache(maxsize=16)
def _derivatives(span: int) -> NDArray[np.float32]:
    if span < 3:
        return np.zeros((2, 1), np.float32)
    time = np.arange(span) - (span - 1) / 2
    bowl = time**2 - np.mean(time**2)
    return np.stack([time / np.sum(time**2), 2 * bowl / np.sum(bowl**2)]).astype(np.float32)


def delta_weights(n_frames: int) -> NDArray[np.float32]:
    """Return the Savitzky-Golay weights of the first and the second derivative, shape (2, span).

    The span is 9 frames, or the longest odd one that the window holds; below 3 frames nothing changes.
    """
    return _derivatives(min(DELTA_FRAMES, n_frames - 1 + n_frames % 2))
