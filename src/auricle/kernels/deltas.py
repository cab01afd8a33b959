"""Values across frames: deltas and spectral flux; also the final step of contrast, flatness, RMS and zero crossings."""

import math

from auricle.kernels.compiled import inline, kernel
from auricle.kernels.frames import Rows
from auricle.kernels.simd import LANES, Floats, Integers, load, maximum, multiply_add, splat, store

__all__ = ["complete_values"]

RANGE_DB = 80.0  # as librosa: peaks and valleys are floored this far below the largest of the window


@kernel
def complete_values(values: Floats, n_frames: int, rows: Rows, counts: Integers, n_fft: int, weights: Floats) -> None:
    """Complete ``values`` after `analyse` has filled in every frame.

    Parameters
    ----------
    values : float32, shape (n_rows, at least n_frames + LANES)
    n_frames : int
        Number of valid frames.
    rows : Rows
        First row of each group.
    counts : int64, shape (3,)
        Number of mel bands, cepstral coefficients and contrast bands.
    n_fft : int
        Samples in a frame.
    weights : float32, shape (2, span)
        Filter taps of the first and second delta.
    """
    n_mels, n_mfcc, n_bands = counts
    if rows.energy >= 0:
        _zcr_and_rms(values, n_frames, rows, n_fft)
    if rows.flatness >= 0:
        for t in range(n_frames):
            values[rows.flatness, t] = math.exp(values[rows.flatness, t] * math.log(2.0))
    if rows.peaks >= 0:
        _floor_levels(values, n_frames, rows.peaks, n_bands)
        _floor_levels(values, n_frames, rows.valleys, n_bands)
        for band in range(n_bands):
            for t in range(n_frames):
                values[rows.peaks + band, t] -= values[rows.valleys + band, t]
    if rows.flux >= 0:
        _write_flux(values, n_frames, rows.mel, n_mels, rows.flux)
    if rows.mel_delta >= 0:
        _write_delta(values, n_frames, rows.mel, rows.mel_delta, n_mels, weights[0])
    if rows.mfcc_delta >= 0:
        _write_delta(values, n_frames, rows.mfcc, rows.mfcc_delta, n_mfcc, weights[0])
    if rows.mfcc_delta2 >= 0:
        _write_delta(values, n_frames, rows.mfcc, rows.mfcc_delta2, n_mfcc, weights[1])


@inline
def _zcr_and_rms(values: Floats, n_frames: int, rows: Rows, n_fft: int) -> None:
    for t in range(n_frames):
        values[rows.zcr, t] /= n_fft
    if rows.rms >= 0:
        for t in range(n_frames):
            values[rows.rms, t] = math.sqrt(values[rows.energy, t] / n_fft)


@inline
def _floor_levels(values: Floats, n_frames: int, first: int, n_bands: int) -> None:
    """Floor levels at 80 dB below the largest."""
    largest = values[first, 0]
    for row in range(first, first + n_bands):
        for t in range(n_frames):
            largest = max(largest, values[row, t])
    for row in range(first, first + n_bands):
        for t in range(n_frames):
            values[row, t] = max(values[row, t], largest - RANGE_DB)


@inline
def _write_flux(values: Floats, n_frames: int, mel: int, n_mels: int, target: int) -> None:
    """Write the mean rise of the mel bands since the previous frame; 0 for the first frame."""
    width = values.shape[1]
    values[target, 0] = 0.0
    for t in range(1, n_frames, LANES):
        rise = splat(0.0)
        for band in range(mel, mel + n_mels):
            rise += maximum(load(values, band * width + t) - load(values, band * width + t - 1), splat(0.0))
        store(values, target * width + t, rise / splat(n_mels))


@inline
def _write_delta(values: Floats, n_frames: int, source: int, target: int, n_rows: int, weights: Floats) -> None:
    """Write the fitted slope of each row over ``len(weights)`` frames; the ends repeat the nearest fit."""
    span, width = len(weights), values.shape[1]
    half, inner = span // 2, n_frames - span + 1
    for row in range(n_rows):
        before, after = (source + row) * width, (target + row) * width
        for t in range(0, inner, LANES):
            change = splat(0.0)
            for k in range(span):
                change = multiply_add(load(values, before + t + k), splat(weights[k]), change)
            store(values, after + half + t, change)
        for t in range(half):
            values[target + row, t] = values[target + row, half]
            values[target + row, n_frames - 1 - t] = values[target + row, half + inner - 1]
