"""Filter banks on the power spectrum: mel levels in dB, chroma, and the cepstrum (MFCC); the logarithm on lanes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.compiled import inline
from auricle.kernels.simd import LANES, Floats, Lanes, exponent, load, mantissa, maximum, multiply_add, splat, store

__all__ = ["AMIN", "Bands", "cepstrum", "decibels", "log2", "mel_levels", "pitch_classes", "sparse_bands"]

AMIN = 1e-10  # -100 dB, the floor of librosa.power_to_db
TINY = float(np.finfo(np.float32).tiny)  # as librosa.util.tiny
DECIBELS_PER_OCTAVE = 10 * float(np.log10(2))


class Bands(NamedTuple):
    """A sparse filter bank: runs of neighbouring bins, each with its row of the matrix."""

    runs: NDArray[np.int64]
    """Rows of (row of the matrix, first bin, number of bins, offset of the first weight), ordered by first bin."""
    weights: NDArray[np.float32]


def sparse_bands(matrix: NDArray[np.float64], *, negligible: float = 0.0, max_bins: int = 1 << 62) -> Bands:
    """Return the runs of weights above ``negligible`` of a filter bank, none longer than ``max_bins`` bins."""
    runs, weights, offset = [], [], 0
    for row, filter_ in enumerate(matrix):
        bins = np.flatnonzero(filter_ > negligible)
        for run in np.split(bins, np.flatnonzero(np.diff(bins) > 1) + 1) if bins.size else []:
            for start in range(int(run[0]), int(run[-1]) + 1, max_bins):
                stop = min(start + max_bins, int(run[-1]) + 1)
                runs.append((row, start, stop - start, offset))
                weights.append(filter_[start:stop])
                offset += stop - start
    order = sorted(range(len(runs)), key=lambda index: (runs[index][1] // max_bins, runs[index][0]))
    return Bands(np.array([runs[index] for index in order], np.int64), np.concatenate(weights).astype(np.float32))


@inline
def log2(value: Lanes) -> Lanes:
    """Return the binary logarithm of positive lanes, within 2e-7 of the exact one plus rounding."""
    s = mantissa(value) - splat(1.5)
    series = splat(-0.008665699511766434)
    series = multiply_add(series, s, splat(0.014770571142435074))
    series = multiply_add(series, s, splat(-0.020790033042430878))
    series = multiply_add(series, s, splat(0.037466488778591156))
    series = multiply_add(series, s, splat(-0.07126680016517639))
    series = multiply_add(series, s, splat(0.14252592623233795))
    series = multiply_add(series, s, splat(-0.3205984830856323))
    series = multiply_add(series, s, splat(0.9617959856987))
    series = multiply_add(series, s, splat(0.5849624872207642))
    return exponent(value) + series


@inline
def decibels(power: Lanes) -> Lanes:
    """Return ``10 log10`` of lanes of power, floored at -100 dB."""
    return log2(maximum(power, splat(AMIN))) * splat(DECIBELS_PER_OCTAVE)


@inline
def weighted_sum(power: Floats, first: int, count: int, weights: Floats, offset: int) -> Lanes:
    """Return the weighted sum of ``count`` neighbouring bins, in two independent chains of additions."""
    even, odd = splat(0.0), splat(0.0)
    for k in range(0, count - 1, 2):
        even = multiply_add(load(power, (first + k) * LANES), splat(weights[offset + k]), even)
        odd = multiply_add(load(power, (first + k + 1) * LANES), splat(weights[offset + k + 1]), odd)
    if count % 2:
        even = multiply_add(load(power, (first + count - 1) * LANES), splat(weights[offset + count - 1]), even)
    return even + odd


@inline
def mel_levels(power: Floats, bands: Bands, levels: Floats) -> None:
    """Write the level of each mel band in dB: float32, n_mels values of LANES lanes."""
    runs, weights = bands.runs, bands.weights
    for band in range(len(runs)):
        total = weighted_sum(power, runs[band, 1], runs[band, 2], weights, runs[band, 3])
        store(levels, band * LANES, decibels(total))


@inline
def cepstrum(levels: Floats, transform: Floats, values: Floats, at: int) -> None:
    """Write the cosine transform of the levels, row after row from ``values[at]`` on."""
    width = values.shape[1]
    n_mfcc, n_mels = transform.shape
    for i in range(0, n_mfcc - 3, 4):
        a, b, c, d = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for band in range(n_mels):
            level = load(levels, band * LANES)
            a = multiply_add(level, splat(transform[i, band]), a)
            b = multiply_add(level, splat(transform[i + 1, band]), b)
            c = multiply_add(level, splat(transform[i + 2, band]), c)
            d = multiply_add(level, splat(transform[i + 3, band]), d)
        store(values, at + i * width, a)
        store(values, at + (i + 1) * width, b)
        store(values, at + (i + 2) * width, c)
        store(values, at + (i + 3) * width, d)
    for i in range(n_mfcc - n_mfcc % 4, n_mfcc):
        a = splat(0.0)
        for band in range(n_mels):
            a = multiply_add(load(levels, band * LANES), splat(transform[i, band]), a)
        store(values, at + i * width, a)


@inline
def pitch_classes(power: Floats, bands: Bands, values: Floats, at: int) -> None:
    """Write the power in each of the 12 pitch classes, relative to the largest."""
    runs, weights, width = bands.runs, bands.weights, values.shape[1]
    for row in range(12):
        store(values, at + row * width, splat(0.0))
    for run in range(len(runs)):
        target = at + runs[run, 0] * width
        total = weighted_sum(power, runs[run, 1], runs[run, 2], weights, runs[run, 3])
        store(values, target, load(values, target) + total)
    largest = splat(TINY)
    for row in range(12):
        largest = maximum(largest, load(values, at + row * width))
    for row in range(12):
        store(values, at + row * width, load(values, at + row * width) / largest)
