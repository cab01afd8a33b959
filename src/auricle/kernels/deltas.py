"""What needs a frame's neighbours or the whole window: deltas, flux, and the last steps of some descriptors."""

import math

from auricle.kernels.compiled import kernel, part
from auricle.kernels.frames import Rows
from auricle.kernels.simd import LANES, Floats, Integers, load, maximum, multiply_add, splat, store

__all__ = ["finish"]

RANGE_DB = 80.0  # librosa floors peaks and valleys this far below the largest of the window


@kernel
def finish(values: Floats, n_frames: int, rows: Rows, counts: Integers, n_fft: int, weights: Floats) -> None:
    """Complete ``values`` once every frame's own numbers are in it.

    Parameters
    ----------
    values : float32, rows by frames, of which ``n_frames`` count; at least LANES to spare at the end
    rows : Rows, where the groups lie
    counts : int64, (n_mels, n_mfcc, bands of contrast)
    weights : float32, shape (2, span), of the first and second delta
    """
    n_mels, n_mfcc, n_bands = counts
    if rows.energy >= 0:
        _levels(values, n_frames, rows, n_fft)
    if rows.flatness >= 0:
        for t in range(n_frames):
            values[rows.flatness, t] = math.exp(values[rows.flatness, t] * math.log(2.0))
    if rows.peaks >= 0:
        _range(values, n_frames, rows.peaks, n_bands)
        _range(values, n_frames, rows.valleys, n_bands)
        for band in range(n_bands):
            for t in range(n_frames):
                values[rows.peaks + band, t] -= values[rows.valleys + band, t]
    if rows.flux >= 0:
        _flux(values, n_frames, rows.mel, n_mels, rows.flux)
    if rows.mel_delta >= 0:
        _delta(values, n_frames, rows.mel, rows.mel_delta, n_mels, weights[0])
    if rows.mfcc_delta >= 0:
        _delta(values, n_frames, rows.mfcc, rows.mfcc_delta, n_mfcc, weights[0])
    if rows.mfcc_delta2 >= 0:
        _delta(values, n_frames, rows.mfcc, rows.mfcc_delta2, n_mfcc, weights[1])


@part
def _levels(values: Floats, n_frames: int, rows: Rows, n_fft: int) -> None:
    for t in range(n_frames):
        values[rows.zcr, t] /= n_fft
    if rows.rms >= 0:
        for t in range(n_frames):
            values[rows.rms, t] = math.sqrt(values[rows.energy, t] / n_fft)


@part
def _range(values: Floats, n_frames: int, first: int, n_bands: int) -> None:
    """Raise the levels that lie more than 80 dB below the largest."""
    largest = values[first, 0]
    for row in range(first, first + n_bands):
        for t in range(n_frames):
            largest = max(largest, values[row, t])
    for row in range(first, first + n_bands):
        for t in range(n_frames):
            values[row, t] = max(values[row, t], largest - RANGE_DB)


@part
def _flux(values: Floats, n_frames: int, mel: int, n_mels: int, target: int) -> None:
    """Write the mean rise of the mel bands since the frame before; the first frame has none before it."""
    width = values.shape[1]
    values[target, 0] = 0.0
    for t in range(1, n_frames, LANES):
        rise = splat(0.0)
        for band in range(mel, mel + n_mels):
            rise += maximum(load(values, band * width + t) - load(values, band * width + t - 1), splat(0.0))
        store(values, target * width + t, rise / splat(n_mels))


@part
def _delta(values: Floats, n_frames: int, source: int, target: int, n_rows: int, weights: Floats) -> None:
    """Write the fitted derivative of each row; the ends keep the nearest fit."""
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
