"""The long-term spectrum: power in every bin over all frames of a sound, and in every band of every frame."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.bands import DECIBELS_PER_OCTAVE, log2
from auricle.kernels.compiled import kernel, part
from auricle.kernels.fourier import FourierPlan, power_spectrum, split_frames
from auricle.kernels.frames import Workspace
from auricle.kernels.framing import side_by_side, stage
from auricle.kernels.simd import LANES, Floats, Integers, Lanes, load, maximum, multiply_add_one, splat, store

__all__ = ["levels_of", "long_term_spectrum", "steep_steps"]

Doubles: TypeAlias = NDArray[np.float64]

TINY = 1e-30  # a power that stands for none


@kernel
def long_term_spectrum(
    samples: Floats,
    centre: float,
    n_frames: int,
    window: Floats,
    places: Integers,
    fourier: FourierPlan,
    band_bins: int,
    live: Floats,
    work: Workspace,
    bins: Floats,
    bands: Floats,
) -> None:
    """Add the power spectra of frames that lie side by side, and write the power in bands of neighbouring bins.

    Parameters
    ----------
    centre : what is taken off each sample
    live : float32, shape (2 * LANES,), ones and then zeros
    bins : float32, shape (n_bins * LANES,), to which the powers of every LANES-th frame are added
    bands : float32, shape (n_bands, width), of which the first ``n_frames`` columns count
    """
    size, middle = len(window), splat(centre)
    for first in range(0, n_frames, LANES):
        stage(samples, first * size, size, size, LANES, work.staged)
        for i in range(0, size * LANES, LANES):
            store(work.staged, i, load(work.staged, i) - middle)
        side_by_side(work.staged, size, LANES, work.side)
        split_frames(work.side, places, window, fourier, work.frames, work.complex)
        power_spectrum(work.frames, work.complex, fourier, work.power)
        _add(work.power, load(live, max(0, first + LANES - n_frames)), bins)
        for band in range(len(bands)):
            power = splat(0.0)
            for bin_ in range(band * band_bins, (band + 1) * band_bins):
                power += load(work.power, bin_ * LANES)
            store(bands, band * bands.shape[1] + first, power)


@kernel
def steep_steps(
    bands: Floats, n_frames: int, n_bands: int, loud: float, floor: float, steep: float, loudness: Floats
) -> tuple[int, int]:
    """Count where the power of a frame changes by more than a factor from one band to the next.

    Parameters
    ----------
    n_bands : the first of the bands, between which is counted
    loud : of the loudest frame's power, what a frame must have to count
    floor : of the largest power of a band, what is taken for the least
    steep : the factor
    loudness : float32, shape (n_frames,), receives the power of each frame

    Returns
    -------
    such steps, and frames that count
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


@part
def _add(power: Floats, live: Lanes, bins: Floats) -> None:
    for i in range(0, len(power), LANES):
        store(bins, i, load(bins, i) + load(power, i) * live)


@kernel
def levels_of(spectrum: Floats, levels_db: Floats, before_db: Doubles) -> None:
    """Write the level of each bin of a spectrum, and the sum of the levels of all bins before it.

    Parameters
    ----------
    spectrum : float32, shape (2 * n,): real and imaginary parts in turn
    levels_db : float32, shape (at least n, a multiple of LANES,)
    before_db : float64, shape (n + 1,)
    """
    n = len(spectrum) // 2
    for k in range(n):
        real, imaginary = spectrum[2 * k], spectrum[2 * k + 1]
        levels_db[k] = multiply_add_one(real, real, imaginary * imaginary)
    for k in range(n, len(levels_db)):
        levels_db[k] = 0.0
    for k in range(0, len(levels_db), LANES):
        store(levels_db, k, log2(maximum(load(levels_db, k), splat(TINY))) * splat(DECIBELS_PER_OCTAVE))
    total = before_db[0] = 0.0
    for k in range(n):
        total += levels_db[k]
        before_db[k + 1] = total
