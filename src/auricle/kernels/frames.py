"""The fused pass: samples in, one column of numbers for each frame out, a block of LANES frames at a time."""

import threading
from typing import NamedTuple

import numpy as np

from auricle.kernels.bands import Bands, cepstrum, mel_levels, pitch_classes
from auricle.kernels.compiled import kernel, part
from auricle.kernels.fourier import FourierPlan, power_spectrum, split_frames
from auricle.kernels.framing import layout, levels, side_by_side, stage
from auricle.kernels.simd import LANES, Floats, Integers, load, store
from auricle.kernels.spectral_shape import flatness, moments, peaks_and_valleys

__all__ = ["Memory", "Rows", "Tables", "Workspace", "aligned", "analyse", "workspace"]


class Rows(NamedTuple):
    """The row of the output that each group of values begins at; -1 for a group that is not computed."""

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
    """The numbers that a spec's kernels use: made once, read only."""

    window: Floats
    places: Integers
    hop: int
    bin_hz: float
    fourier: FourierPlan
    mel: Bands
    transform: Floats
    chroma: Bands
    contrast: Integers


class Workspace(NamedTuple):
    """Memory that one thread works in."""

    staged: Floats
    side: Floats
    frames: Floats
    complex: Floats
    power: Floats
    magnitude: Floats
    levels: Floats
    ranked: Floats


def workspace(n_fft: int, hop: int, n_mels: int, ranks: int) -> Workspace:
    """Return memory for frames of ``n_fft`` samples; it may be used again for every window of the same spec."""
    step, width = layout(n_fft, hop)
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
    """Return uninitialised memory that begins at a cache line, so that no load of lanes touches one line too many."""
    line = 64
    memory = np.empty(size * 4 + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + size * 4].view(np.float32)


@kernel
def analyse(
    samples: Floats,
    begin: int,
    end: int,
    transform: bool,  # noqa: FBT001 - numba kernels take no keyword-only arguments
    tables: Tables,
    rows: Rows,
    work: Workspace,
    values: Floats,
) -> None:
    """Fill frames ``begin`` to ``end`` of ``values`` (rows by frames) from samples, a block of LANES at a time.

    Parameters
    ----------
    transform : False when ``work.power`` holds the power spectrum of one block already, because ``n_fft`` is not a
        power of two of at least 8
    """
    for first in range(begin, end, LANES):
        if transform or rows.energy >= 0:
            _frame(samples, first, tables, rows, work, values)
        if transform:
            split_frames(work.side, tables.places, tables.window, tables.fourier, work.frames, work.complex)
            power_spectrum(work.frames, work.complex, tables.fourier, work.power)
        _describe(first, tables, rows, work, values)


@part
def _frame(samples: Floats, first: int, tables: Tables, rows: Rows, work: Workspace, values: Floats) -> None:
    """Lay LANES frames side by side, and fill the rows that need no spectrum."""
    step = min(tables.hop, len(tables.window))
    columns = LANES + (len(tables.window) - 1) // step
    width = (columns + LANES - 1) // LANES * LANES
    stage(samples, first * tables.hop, tables.hop, step, columns, work.staged)
    side_by_side(work.staged, step, width, work.side)
    if rows.energy >= 0:
        energy, crossings = rows.energy * values.shape[1] + first, rows.zcr * values.shape[1] + first
        levels(work.side, tables.places, values, energy, crossings)


@part
def _describe(first: int, tables: Tables, rows: Rows, work: Workspace, values: Floats) -> None:
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


KEPT = 4  # a thread seldom works by more specs


class Memory(threading.local):
    """The workspaces of one thread, by what decides their size."""

    def __init__(self) -> None:
        self._spaces: dict[tuple[int, ...], Workspace] = {}

    def get(self, n_fft: int, hop: int, n_mels: int, ranks: int) -> Workspace:
        """Return memory as :func:`~auricle.kernels.frames.workspace` makes it, which nobody else uses now."""
        size = (n_fft, hop, n_mels, ranks)
        if size not in self._spaces:
            if len(self._spaces) == KEPT:
                del self._spaces[next(iter(self._spaces))]
            self._spaces[size] = workspace(*size)
        return self._spaces[size]
