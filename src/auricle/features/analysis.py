"""Analysis of one window: what a spec computes of each frame (the plan), and the values of every frame."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.errors import FeatureError
from auricle.features.columns import FEATURES, UNPOOLED, contrast_bands
from auricle.features.filters import chroma_filters, contrast_bins, cosine_transform, hann, mel_filters
from auricle.features.spec import FeatureSpec
from auricle.kernels.bands import sparse_bands
from auricle.kernels.deltas import complete_values
from auricle.kernels.fourier import fourier_plan
from auricle.kernels.frames import Rows, Tables, WorkspacePool, aligned, analyse
from auricle.kernels.framing import all_within, lane_offsets
from auricle.kernels.pocketfft import rfft
from auricle.kernels.simd import LANES

__all__ = ["Plan", "block_power", "checked", "delta_weights", "group_of", "plan_for", "plan_of", "values_of"]


SMALLEST_TRANSFORM = 8  # shorter frames, and those that are no power of two, go through SciPy
CHROMA_NEGLIGIBLE = 1e-7  # a weight this small, of at most 1, moves no pitch class by more than it
CHROMA_REACH = 64  # bins that all pitch classes take while they are in the innermost cache

# What a group is computed from, so that it has a row even when no column asks for it.
NEEDS = {
    "mel_delta": ("mel",),
    "flux": ("mel",),
    "mfcc_delta": ("mfcc",),
    "mfcc_delta2": ("mfcc",),
    "centroid": ("bandwidth", "rolloff"),
    "bandwidth": ("centroid", "rolloff"),
    "rolloff": ("centroid", "bandwidth"),
    "rms": ("energy", "zcr"),
    "energy": ("zcr",),
    "zcr": ("energy",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the kernels need to know to compute some groups of values under one spec.

    Parameters
    ----------
    spec : the spec
    n_wanted : rows that were asked for; they come first, in the order of the groups
    n_rows : all rows, those computed only for others included
    first_row : where each group begins
    rows, tables : the same, and the filters, for the kernels
    counts : mel bands, coefficients, and octave bands of contrast
    """

    spec: FeatureSpec
    n_wanted: int
    n_rows: int
    first_row: dict[str, int]
    rows: Rows
    tables: Tables
    counts: NDArray[np.int64]

    @property
    def in_lanes(self) -> bool:
        """Whether the kernels transform the frames themselves."""
        return _in_lanes(self.spec.n_fft)

    def places(self, spec: FeatureSpec) -> slice | NDArray[np.int64]:
        """Return which rows one of the plan's specs pools, in the order of its columns."""
        rows = [self.first_row[group] + i for group in _pooled(spec) for i in range(len(FEATURES[group](spec)))]
        is_one_stretch = rows == list(range(len(rows)))
        return slice(0, len(rows)) if is_one_stretch else np.array(rows, np.int64)


def plan_for(*specs: FeatureSpec) -> Plan:
    """Return the plan for the rows of specs that differ in nothing that decides a frame's numbers."""
    widest = max(specs, key=lambda spec: spec.n_mfcc)
    pooled = dict.fromkeys(group for spec in specs for group in _pooled(spec))
    is_trimmed = any(spec.trim_db is not None for spec in specs)
    is_modulated = any("modulation" in spec.features for spec in specs)
    return plan_of(widest, tuple(pooled), ("energy",) * is_trimmed + ("mel",) * is_modulated)


def _pooled(spec: FeatureSpec) -> tuple[str, ...]:
    return tuple(group for group in spec.features if group not in UNPOOLED)


@lru_cache(maxsize=64)
def plan_of(spec: FeatureSpec, groups: tuple[str, ...], also: tuple[str, ...] = ()) -> Plan:
    """Return the plan for some groups of values, which are rows of the table `FEATURES`.

    Parameters
    ----------
    also : groups that are computed without being asked for
    """
    needed = [*groups, *(group for group in also if group not in groups)]
    for group in needed:
        needed += [other for other in NEEDS.get(group, ()) if other not in needed]
    first_row, n_rows, n_wanted = {}, 0, 0
    for index, group in enumerate(needed):
        first_row[group] = n_rows
        n_rows += len(FEATURES[group](spec))
        n_wanted = n_rows if index < len(groups) else n_wanted
    places = dict.fromkeys(Rows._fields, -1) | {name: row for name, row in first_row.items() if name != "contrast"}
    if "contrast" in first_row:
        places["peaks"], places["valleys"] = first_row["contrast"], n_rows
        n_rows += contrast_bands(spec.rate_hz) + 1
    tables = _tables(spec, chroma="chroma" in first_row, contrast="contrast" in first_row)
    counts = np.array([spec.n_mels, spec.n_mfcc, len(tables.contrast)], np.int64)
    return Plan(
        spec=spec,
        n_wanted=n_wanted,
        n_rows=n_rows,
        first_row=first_row,
        rows=Rows(**places),
        tables=tables,
        counts=counts,
    )


@lru_cache(maxsize=64)
def _tables(spec: FeatureSpec, *, chroma: bool, contrast: bool) -> Tables:
    in_lanes = _in_lanes(spec.n_fft)
    return Tables(
        window=hann(spec.n_fft).astype(np.float32),
        offsets=lane_offsets(spec.n_fft, spec.hop),
        hop=spec.hop,
        bin_hz=spec.rate_hz / spec.n_fft,
        fourier=fourier_plan(spec.n_fft if in_lanes else SMALLEST_TRANSFORM),
        mel=sparse_bands(mel_filters(spec)),
        transform=cosine_transform(spec.n_mfcc, spec.n_mels).astype(np.float32),
        chroma=sparse_bands(
            chroma_filters(spec.rate_hz, spec.n_fft) if chroma else np.ones((12, 1)),
            negligible=CHROMA_NEGLIGIBLE,
            max_bins=CHROMA_REACH,
        ),
        contrast=contrast_bins(spec.rate_hz, spec.n_fft) if contrast else np.zeros((0, 3), np.int64),
    )


def _in_lanes(n_fft: int) -> bool:
    return n_fft >= SMALLEST_TRANSFORM and n_fft & (n_fft - 1) == 0


DELTA_FRAMES = 9
LARGEST = 1e10  # far beyond any sound, and its power is still far from the largest float32


_MEMORY = WorkspacePool()


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
    complete_values(values, n_frames, plan.rows, plan.counts, spec.n_fft, delta_weights(n_frames))
    return values, n_frames


def block_power(samples: NDArray[np.float32], first: int, hop: int, window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power spectrum of LANES frames by SciPy, all lanes of a bin side by side.

    Always as many frames, the last ones silent: the bits of one then do not depend on how many there are.
    """
    frames = np.zeros((LANES, window.size), np.float32)
    held = np.lib.stride_tricks.sliding_window_view(samples, window.size)[::hop][first : first + LANES]
    np.multiply(held, window, out=frames[: len(held)])
    spectrum = rfft(frames)
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
