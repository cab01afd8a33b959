"""Frame-level analysis of one window: plan the feature groups of a spec, and compute their values for every frame."""

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


SMALLEST_TRANSFORM = 8  # samples; shorter frames, and lengths that are no power of two, go through SciPy
CHROMA_NEGLIGIBLE = 1e-7  # weights are at most 1; smaller ones change no pitch class by more than this
CHROMA_RUN_BINS = 64  # bins that all pitch classes read while they are in the innermost cache

# The groups that a group is computed from; they get rows even if the spec does not list them.
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
    """The rows, filters and tables that the kernels need to compute feature groups under one spec.

    Parameters
    ----------
    spec : FeatureSpec
    n_wanted : int
        Number of requested rows; they come first, in the order of the groups.
    n_rows : int
        Number of all rows, including those that only other rows need.
    first_row : dict of str to int
        First row of each group.
    rows, tables : Rows, Tables
        The first rows and the filters, for the kernels.
    counts : int64, shape (3,)
        Number of mel bands, cepstral coefficients and contrast bands.
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

    def row_indices(self, spec: FeatureSpec) -> slice | NDArray[np.int64]:
        """Return the rows that one of the plan's specs pools, in the order of its columns."""
        rows = [self.first_row[group] + i for group in _pooled(spec) for i in range(len(FEATURES[group](spec)))]
        is_contiguous = rows == list(range(len(rows)))
        return slice(0, len(rows)) if is_contiguous else np.array(rows, np.int64)


def plan_for(*specs: FeatureSpec) -> Plan:
    """Plan the rows of specs with the same frame settings, in one analysis."""
    widest = max(specs, key=lambda spec: spec.n_mfcc)
    pooled = dict.fromkeys(group for spec in specs for group in _pooled(spec))
    is_trimmed = any(spec.trim_db is not None for spec in specs)
    is_modulated = any("modulation" in spec.features for spec in specs)
    return plan_of(widest, tuple(pooled), ("energy",) * is_trimmed + ("mel",) * is_modulated)


def _pooled(spec: FeatureSpec) -> tuple[str, ...]:
    return tuple(group for group in spec.features if group not in UNPOOLED)


@lru_cache(maxsize=64)
def plan_of(spec: FeatureSpec, groups: tuple[str, ...], also: tuple[str, ...] = ()) -> Plan:
    """Plan the computation of feature groups, keys of the table `FEATURES`.

    Parameters
    ----------
    also : tuple of str
        Groups to compute in addition, after the requested ones.
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
            max_bins=CHROMA_RUN_BINS,
        ),
        contrast=contrast_bins(spec.rate_hz, spec.n_fft) if contrast else np.zeros((0, 3), np.int64),
    )


def _in_lanes(n_fft: int) -> bool:
    return n_fft >= SMALLEST_TRANSFORM and n_fft & (n_fft - 1) == 0


DELTA_FRAMES = 9
MAX_SAMPLE = 1e10  # far above any sound; its power is still far below the largest float32


_WORKSPACES = WorkspacePool()


def checked(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Check the samples of one window and return them as float32.

    Raises
    ------
    FeatureError : not one channel, fewer samples than one frame, or a sample that is not finite or beyond ±1e10
    """
    dtype = getattr(samples, "dtype", None)
    if getattr(dtype, "kind", "f") in "iu" and getattr(dtype, "itemsize", 8) <= 4:  # as decoders write them
        raise FeatureError(
            f"Samples must be floating point, in [-1, 1]. Got {dtype}: divide by its full scale, for int16 by 32768."
        )
    array = np.require(samples, np.float32, ["C", "W"])
    if array.ndim != 1:
        raise FeatureError(f"A window must be one channel of samples. Got shape {array.shape}.")
    if array.size < spec.n_fft:
        raise FeatureError(
            f"A window must hold at least one frame of {spec.n_fft} samples ({spec.n_fft / spec.rate_hz:.4g} s at "
            f"{spec.rate_hz} Hz). Got {array.size}. Take a longer stretch of sound, lower `n_fft`, or leave it out."
        )
    if not all_within(array, MAX_SAMPLE):
        first = int(np.argmin(np.abs(array) < MAX_SAMPLE))
        raise FeatureError(
            f"Every sample must be finite, and nominally within ±1 (±{MAX_SAMPLE:g} at most). Sample {first} "
            f"({first / spec.rate_hz:.3f} s) is {array[first]:g}. Repair the recording or leave the window out."
        )
    return array


def values_of(samples: ArrayLike, plan: Plan) -> tuple[NDArray[np.float32], int]:
    """Return the values of every frame of one window.

    Returns
    -------
    values : float32, shape (plan.n_rows, width)
        The requested groups, then those that they need.
    n_frames : int
        Number of valid columns; the others pad the last block of lanes.

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
    work = _WORKSPACES.get(spec.n_fft, spec.hop, spec.n_mels, n_ranks)
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

    Missing frames are silent: with a constant number of frames, the bits of one do not depend on the others.
    """
    frames = np.zeros((LANES, window.size), np.float32)
    available = np.lib.stride_tricks.sliding_window_view(samples, window.size)[::hop][first : first + LANES]
    np.multiply(available, window, out=frames[: len(available)])
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
