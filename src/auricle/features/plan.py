"""The plan of a spec: which rows of numbers to compute for each frame, and the tables that doing so needs."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from auricle.features.columns import FEATURES, UNPOOLED, contrast_bands
from auricle.features.filters import chroma_filters, contrast_bins, cosine_transform, hann, mel_filters
from auricle.features.spec import FeatureSpec
from auricle.kernels.bands import bands_of
from auricle.kernels.fourier import fourier_plan
from auricle.kernels.frames import Rows, Tables
from auricle.kernels.framing import places_of

__all__ = ["Plan", "plan_for", "plan_of"]

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
    return Plan(spec, n_wanted, n_rows, first_row, Rows(**places), tables, counts)


@lru_cache(maxsize=64)
def _tables(spec: FeatureSpec, *, chroma: bool, contrast: bool) -> Tables:
    in_lanes = _in_lanes(spec.n_fft)
    return Tables(
        hann(spec.n_fft).astype(np.float32),
        places_of(spec.n_fft, spec.hop),
        spec.hop,
        spec.rate_hz / spec.n_fft,
        fourier_plan(spec.n_fft if in_lanes else SMALLEST_TRANSFORM),
        bands_of(mel_filters(spec)),
        cosine_transform(spec.n_mfcc, spec.n_mels).astype(np.float32),
        bands_of(
            chroma_filters(spec.rate_hz, spec.n_fft) if chroma else np.ones((12, 1)),
            negligible=CHROMA_NEGLIGIBLE,
            reach=CHROMA_REACH,
        ),
        contrast_bins(spec.rate_hz, spec.n_fft) if contrast else np.zeros((0, 3), np.int64),
    )


def _in_lanes(n_fft: int) -> bool:
    return n_fft >= SMALLEST_TRANSFORM and n_fft & (n_fft - 1) == 0
