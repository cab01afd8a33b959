"""Frame analysis: from samples to the feature values, or the filter-bank sums, of every frame, LANES at a time."""

import threading
from typing import NamedTuple

import numpy as np

from auricle.kernels.bands import Bands, cepstrum, mel_levels, pitch_classes, weighted_sum
from auricle.kernels.compiled import inline, kernel
from auricle.kernels.fourier import FourierPlan, power_spectrum, split_frames
from auricle.kernels.framing import column_layout, copy_columns, energy_and_crossings, interleave
from auricle.kernels.simd import LANES, Floats, Integers, load, square_root, store
from auricle.kernels.spectral_shape import flatness, moments, peaks_and_valleys

__all__ = ["Rows", "Tables", "Workspace", "WorkspacePool", "aligned", "analyse", "band_sums", "workspace"]


class Rows(NamedTuple):
    """The first output row of each feature group; -1 for a group that is not computed."""

    mel: int
    mel_delta: int
    mfcc: int
    mfcc_delta: int
    mfcc_delta2: int
    centroid: int
    bandwidth: int
    rolloff: int
    flatness: int
    peaks: int
    valleys: int
    chroma: int
    flux: int
    energy: int
    rms: int
    zcr: int


class Tables(NamedTuple):
    """The constants of one spec: window, transform, filter banks. Read only."""

    window: Floats
    offsets: Integers
    hop: int
    bin_hz: float
    fourier: FourierPlan
    mel: Bands
    transform: Floats
    chroma: Bands
    contrast: Integers


class Workspace(NamedTuple):
    """Scratch arrays of one thread."""

    columns: Floats
    interleaved: Floats
    frames: Floats
    complex: Floats
    power: Floats
    magnitude: Floats
    levels: Floats
    ranked: Floats


def workspace(n_fft: int, hop: int, n_mels: int, ranks: int) -> Workspace:
    """Allocate scratch arrays for frames of ``n_fft`` samples; every window of the same spec may reuse them."""
    step, width = column_layout(n_fft, hop)
    n_bins = n_fft // 2 + 1
    sizes = (
        width * step + LANES,
        width * max(step, LANES),
        n_fft * LANES,
        n_fft * LANES,
        n_bins * LANES,
        n_bins * LANES,
        n_mels * LANES,
        ranks * LANES,
    )
    return Workspace(*(aligned(size) for size in sizes))


def aligned(size: int) -> Floats:
    """Allocate uninitialised floats from the start of a cache line, so that no load of lanes spans two lines."""
    line = 64
    memory = np.empty(size * 4 + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + size * 4].view(np.float32)


@kernel
def analyse(
    samples: Floats,
    begin: int,
    end: int,
    compute_power: bool,  # noqa: FBT001 - numba kernels take no keyword-only arguments
    tables: Tables,
    rows: Rows,
    work: Workspace,
    values: Floats,
) -> None:
    """Fill frames ``begin`` to ``end`` of ``values`` (rows by frames) with feature values, a block of LANES at a time.

    Parameters
    ----------
    compute_power : bool
        False if ``work.power`` already holds the power spectrum of one block, because ``n_fft`` is not a power of two
        of at least 8.
    """
    for first in range(begin, end, LANES):
        if compute_power or rows.energy >= 0:
            _interleave(samples, first, tables, rows, work, values)
        if compute_power:
            split_frames(work.interleaved, tables.offsets, tables.window, tables.fourier, work.frames, work.complex)
            power_spectrum(work.frames, work.complex, tables.fourier, work.power)
        _write_values(first, tables, rows, work, values)


@inline
def _interleave(samples: Floats, first: int, tables: Tables, rows: Rows, work: Workspace, values: Floats) -> None:
    """Interleave LANES frames, and fill the rows that need no spectrum."""
    step = min(tables.hop, len(tables.window))
    columns = LANES + (len(tables.window) - 1) // step
    width = (columns + LANES - 1) // LANES * LANES
    copy_columns(samples, first * tables.hop, tables.hop, step, columns, work.columns)
    interleave(work.columns, step, width, work.interleaved)
    if rows.energy >= 0:
        energy, crossings = rows.energy * values.shape[1] + first, rows.zcr * values.shape[1] + first
        energy_and_crossings(work.interleaved, tables.offsets, values, energy, crossings)


@inline
def _write_values(first: int, tables: Tables, rows: Rows, work: Workspace, values: Floats) -> None:
    power, width = work.power, values.shape[1]
    if rows.mel >= 0 or rows.mfcc >= 0:
        mel_levels(power, tables.mel, work.levels)
    if rows.mel >= 0:
        for band in range(len(work.levels) // LANES):
            store(values, (rows.mel + band) * width + first, load(work.levels, band * LANES))
    if rows.mfcc >= 0:
        cepstrum(work.levels, tables.transform, values, rows.mfcc * width + first)
    if rows.centroid >= 0:
        centroid, bandwidth = rows.centroid * width + first, rows.bandwidth * width + first
        moments(power, tables.bin_hz, work.magnitude, values, centroid, bandwidth, rows.rolloff * width + first)
    if rows.flatness >= 0:
        flatness(power, values, rows.flatness * width + first)
    if rows.peaks >= 0:
        peaks, valleys = rows.peaks * width + first, rows.valleys * width + first
        peaks_and_valleys(power, tables.contrast, work.ranked, values, peaks, valleys)
    if rows.chroma >= 0:
        pitch_classes(power, tables.chroma, values, rows.chroma * width + first)


@kernel
def band_sums(
    samples: Floats,
    begin: int,
    end: int,
    compute_power: bool,  # noqa: FBT001 - numba kernels take no keyword-only arguments
    magnitude: bool,  # noqa: FBT001
    window: Floats,
    offsets: Integers,
    hop: int,
    fourier: FourierPlan,
    bands: Bands,
    work: Workspace,
    values: Floats,
) -> None:
    """Fill frames ``begin`` to ``end`` of ``values`` (bands by frames) with filter-bank sums: no decibels, no floor.

    Parameters
    ----------
    compute_power : bool
        False if ``work.power`` already holds the power spectrum of one block, because ``n_fft`` is not a power of two
        of at least 8.
    magnitude : bool
        Sum magnitudes, not powers.
    """
    step = min(hop, len(window))
    columns = LANES + (len(window) - 1) // step
    width = (columns + LANES - 1) // LANES * LANES
    runs, weights = bands.runs, bands.weights
    for first in range(begin, end, LANES):
        if compute_power:
            copy_columns(samples, first * hop, hop, step, columns, work.columns)
            interleave(work.columns, step, width, work.interleaved)
            split_frames(work.interleaved, offsets, window, fourier, work.frames, work.complex)
            power_spectrum(work.frames, work.complex, fourier, work.power)
        if magnitude:
            for bin_ in range(0, len(work.power), LANES):
                store(work.power, bin_, square_root(load(work.power, bin_)))
        for run in range(len(runs)):
            total = weighted_sum(work.power, runs[run, 1], runs[run, 2], weights, runs[run, 3])
            store(values, runs[run, 0] * values.shape[1] + first, total)


MAX_WORKSPACES = 4  # a thread seldom uses more specs


class WorkspacePool(threading.local):
    """The workspaces of each thread, by their size."""

    def __init__(self) -> None:
        self._spaces: dict[tuple[int, ...], Workspace] = {}

    def get(self, n_fft: int, hop: int, n_mels: int, ranks: int) -> Workspace:
        """Return this thread's workspace of that size, as :func:`~auricle.kernels.frames.workspace` makes it."""
        size = (n_fft, hop, n_mels, ranks)
        if size not in self._spaces:
            if len(self._spaces) == MAX_WORKSPACES:
                del self._spaces[next(iter(self._spaces))]
            self._spaces[size] = workspace(*size)
        return self._spaces[size]
