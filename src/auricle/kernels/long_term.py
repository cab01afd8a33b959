"""Long-term spectrum: the power of every bin over all frames, and measures of hum and spectral holes on it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.bands import DECIBELS_PER_OCTAVE, log2
from auricle.kernels.compiled import inline, kernel
from auricle.kernels.fourier import FourierPlan, power_spectrum, split_frames
from auricle.kernels.frames import Workspace
from auricle.kernels.framing import copy_columns, interleave
from auricle.kernels.simd import LANES, Floats, Integers, Lanes, load, maximum, multiply_add_one, splat, store

__all__ = ["bin_levels_db", "count_steep_steps", "long_term_spectrum"]

Doubles: TypeAlias = NDArray[np.float64]

MIN_POWER = 1e-30  # stands for zero power


@kernel
def long_term_spectrum(
    samples: Floats,
    centre: float,
    n_frames: int,
    window: Floats,
    offsets: Integers,
    fourier: FourierPlan,
    band_bins: int,
    lane_mask: Floats,
    work: Workspace,
    bins: Floats,
    bands: Floats,
) -> None:
    """Sum the power spectra of frames without overlap, and write the power of each band and frame.

    Parameters
    ----------
    centre : float
        Mean to subtract from each sample.
    band_bins : int
        Number of bins in a band.
    lane_mask : float32, shape (2 * LANES,)
        Ones and then zeros.
    bins : float32, shape (n_bins * LANES,)
        Receives the sum over every LANES-th frame, in each lane.
    bands : float32, shape (n_bands, at least n_frames)
        Receives the power of each band and frame.
    """
    size, middle = len(window), splat(centre)
    for first in range(0, n_frames, LANES):
        copy_columns(samples, first * size, size, size, LANES, work.columns)
        for i in range(0, size * LANES, LANES):
            store(work.columns, i, load(work.columns, i) - middle)
        interleave(work.columns, size, LANES, work.interleaved)
        split_frames(work.interleaved, offsets, window, fourier, work.frames, work.complex)
        power_spectrum(work.frames, work.complex, fourier, work.power)
        _accumulate(work.power, load(lane_mask, max(0, first + LANES - n_frames)), bins)
        for band in range(len(bands)):
            power = splat(0.0)
            for bin_ in range(band * band_bins, (band + 1) * band_bins):
                power += load(work.power, bin_ * LANES)
            store(bands, band * bands.shape[1] + first, power)


@kernel
def count_steep_steps(
    bands: Floats, n_frames: int, n_bands: int, loud: float, floor: float, steep: float, loudness: Floats
) -> tuple[int, int]:
    """Count the steps between neighbouring bands of a frame that exceed a factor of power.

    Parameters
    ----------
    n_bands : int
        Number of bands to compare, from the first.
    loud : float
        Least power of a frame, relative to the loudest; quieter frames do not count.
    floor : float
        Least power of a band, relative to the largest.
    steep : float
        Factor that a step must exceed.
    loudness : float32, shape (n_frames,)
        Receives the power of each frame.

    Returns
    -------
    n_steps, n_loud_frames : int
    """
    loudness[:] = 0.0
    for band in range(len(bands)):
        for frame in range(n_frames):
            loudness[frame] += bands[band, frame]
    least, peak = loud * loudness.max(), 0.0
    for band in range(n_bands):
        for frame in range(n_frames):
            if loudness[frame] >= least:
                peak = max(peak, bands[band, frame])
    n_steps, n_loud = 0, 0
    for frame in range(n_frames):
        if loudness[frame] >= least:
            n_loud += 1
            for band in range(1, n_bands):
                below, here = max(bands[band - 1, frame], floor * peak), max(bands[band, frame], floor * peak)
                n_steps += here > steep * below or below > steep * here
    return n_steps, n_loud


@inline
def _accumulate(power: Floats, lane_mask: Lanes, bins: Floats) -> None:
    for i in range(0, len(power), LANES):
        store(bins, i, load(bins, i) + load(power, i) * lane_mask)


@kernel
def bin_levels_db(spectrum: Floats, levels_db: Floats, cumulative_db: Doubles) -> None:
    """Write the level of each bin of a complex spectrum, and the cumulative sum of the levels.

    Parameters
    ----------
    spectrum : float32, shape (2 * n,)
        Real and imaginary parts in turn.
    levels_db : float32, shape (at least n, a multiple of LANES,)
    cumulative_db : float64, shape (n + 1,)
    """
    n = len(spectrum) // 2
    for k in range(n):
        real, imaginary = spectrum[2 * k], spectrum[2 * k + 1]
        levels_db[k] = multiply_add_one(real, real, imaginary * imaginary)
    for k in range(n, len(levels_db)):
        levels_db[k] = 0.0
    for k in range(0, len(levels_db), LANES):
        store(levels_db, k, log2(maximum(load(levels_db, k), splat(MIN_POWER))) * splat(DECIBELS_PER_OCTAVE))
    total = cumulative_db[0] = 0.0
    for k in range(n):
        total += levels_db[k]
        cumulative_db[k + 1] = total
