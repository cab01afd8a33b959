"""Fast Fourier transform: the power spectrum of LANES real frames at once.

A real transform of N points is split by two butterfly stages in one step: its odd bins are a complex transform of
N/4 points, its even bins a real transform of N/2 points, which is split again. Each complex transform runs in place,
in passes of radix 8 and 4, and the last pass writes powers straight to their bins. `fourier_plan` lists the passes
once for each ``n_fft``.

Source: Sorensen, Jones, Heideman and Burrus (1987) for real data; Gentleman and Sande (1966) for the order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.butterfly import COMPLEX, butterfly4, butterfly8, power1, power2, power4, power8
from auricle.kernels.compiled import inline
from auricle.kernels.simd import LANES, Floats, Integers, Lanes, load, multiply_add, splat, store

__all__ = ["FourierPlan", "fourier_plan", "power_spectrum"]

SPLIT, BUTTERFLY, POWER = 0, 1, 2


class FourierPlan(NamedTuple):
    """The passes of one transform, with their twiddle factors and bins."""

    passes: Integers
    """Rows of (kind, radix, first element, elements, elements of one transform, offset of its twiddles or bins)."""
    twiddles: Floats
    """Factors exp(-2πi p k / n) as pairs of floats; those of the first two splits come first."""
    bins: Integers
    """The bin of each output of a last pass."""


def _radices(n: int) -> list[int]:
    """Return the radices of the passes over a complex transform of ``n`` points: 8 wherever 4 and 2 can be avoided."""
    radices = []
    while n > 8:
        radices.append(4 if n.bit_length() % 3 == 2 else 8)
        n //= radices[-1]
    return [*radices, n]


def _digit_reversed(n: int) -> NDArray[np.int64]:
    """Return the frequency at each index after all passes: the digits of the index reversed."""
    place, frequency, weight = np.arange(n), np.zeros(n, np.int64), 1
    remaining = n
    for radix in _radices(n):
        remaining //= radix
        frequency += place // remaining % radix * weight
        weight *= radix
    return frequency


class _Planner:
    """Collects passes and twiddle factors."""

    def __init__(self) -> None:
        self.passes: list[tuple[int, ...]] = []
        self.twiddles: list[NDArray[np.complex128]] = []
        self._offsets: dict[tuple[int, int], int] = {}

    def twiddle_offset(self, n: int, radix: int, count: int) -> int:
        """Return the offset of a pass's twiddle factors, in floats; add them to the table if needed."""
        if (n, radix) not in self._offsets:
            self._offsets[n, radix] = sum(2 * block.size for block in self.twiddles)
            turns = np.outer(np.arange(count), np.arange(1, radix)) / n
            self.twiddles.append(np.exp(-2j * np.pi * turns).ravel())
        return self._offsets[n, radix]

    def add_complex(self, place: int, n: int, first_bin: int) -> None:
        """Add the passes of an in-place complex transform; the last of them writes powers."""
        *others, last = _radices(n)
        size = n
        for radix in others:
            self.passes.append((BUTTERFLY, radix, place, n, size, self.twiddle_offset(size, radix, size // radix)))
            size //= radix
        self.passes.append((POWER, last, place, n, size, first_bin))


def fourier_plan(n_fft: int) -> FourierPlan:
    """Return the plan for frames of ``n_fft`` samples, a power of two of at least 8."""
    planner, n, spacing = _Planner(), n_fft, 1
    bins: list[Integers] = []
    for first in (n_fft, n_fft // 2):
        planner.twiddle_offset(first, 2, first // 4)
    while n >= 4:
        offset = planner.twiddle_offset(n, 2, n // 4)
        if n < n_fft // 2:
            planner.passes.append((SPLIT, 2, 0, n, n, offset))
        # `split_frames` splits twice at once; each later split is a pass of its own.
        place = n_fft // 4 if n == n_fft // 2 else 0
        planner.add_complex(place, n // 4, sum(block.size for block in bins))
        frequency = 4 * _digit_reversed(n // 4) + 1
        bins.append(np.where(frequency > n // 2, n - frequency, frequency) * spacing)
        n //= 2
        spacing *= 2
    factors = np.concatenate(planner.twiddles).astype(np.complex64)
    return FourierPlan(np.array(planner.passes, np.int64), factors.view(np.float32), np.concatenate(bins))


@inline
def split_frames(
    samples: Floats, offsets: Integers, window: Floats, plan: FourierPlan, real: Floats, complex_: Floats
) -> None:
    """Multiply LANES frames by the window and split them twice, in one pass over the samples.

    Parameters
    ----------
    samples : float32
        Interleaved; sample i of all frames begins at ``offsets[i]``.
    real : float32, shape (n_fft // 4 * LANES,)
        Receives frames that hold every fourth bin.
    complex_ : float32, shape ((n_fft // 4 + n_fft // 8) * COMPLEX,)
        Receives the transform of the odd bins, then that of the even bins between the fourth ones.
    """
    n, twiddles = len(window), plan.twiddles
    eighth, second = n // 8, n // 2
    for p in range(eighth):
        a, b = _windowed(samples, offsets, window, p), _windowed(samples, offsets, window, p + eighth)
        c, d = _windowed(samples, offsets, window, p + 2 * eighth), _windowed(samples, offsets, window, p + 3 * eighth)
        e, f = _windowed(samples, offsets, window, p + 4 * eighth), _windowed(samples, offsets, window, p + 5 * eighth)
        g, h = _windowed(samples, offsets, window, p + 6 * eighth), _windowed(samples, offsets, window, p + 7 * eighth)
        _store_rotated(complex_, p * COMPLEX, a - e, g - c, twiddles, 2 * p)
        _store_rotated(complex_, (p + eighth) * COMPLEX, b - f, h - d, twiddles, 2 * (p + eighth))
        a, b, c, d = a + e, b + f, c + g, d + h
        _store_rotated(complex_, (p + 2 * eighth) * COMPLEX, a - c, d - b, twiddles, second + 2 * p)
        store(real, p * LANES, a + c)
        store(real, (p + eighth) * LANES, b + d)


@inline
def _windowed(samples: Floats, offsets: Integers, window: Floats, i: int) -> Lanes:
    return load(samples, offsets[i]) * splat(window[i])


@inline
def _store_rotated(complex_: Floats, at: int, real: Lanes, imag: Lanes, twiddles: Floats, offset: int) -> None:
    """Write a complex value times its twiddle factor."""
    cosine, sine = splat(twiddles[offset]), splat(twiddles[offset + 1])
    store(complex_, at, multiply_add(real, cosine, -(imag * sine)))
    store(complex_, at + LANES, multiply_add(imag, cosine, real * sine))


@inline
def power_spectrum(real: Floats, complex_: Floats, plan: FourierPlan, power: Floats) -> None:
    """Complete the transform that `split_frames` began, and write the power in every bin of LANES frames.

    Parameters
    ----------
    real, complex_ : float32
        Output of `split_frames`; overwritten.
    power : float32, shape ((n_fft // 2 + 1) * LANES,)
        Receives the power spectrum.
    """
    passes, twiddles, bins = plan.passes, plan.twiddles, plan.bins
    for step in range(len(passes)):
        kind, radix, start, size, n, offset = passes[step]
        if kind == SPLIT:
            _split_pass(real, complex_, n, twiddles, offset)
        elif kind == BUTTERFLY:
            _butterfly_pass(complex_, radix, start, size, n, twiddles, offset)
        else:
            _last_pass(complex_, radix, start, size, power, bins, offset)
    first, second = load(real, 0), load(real, LANES)
    total, difference = first + second, first - second
    store(power, 0, total * total)
    store(power, len(power) - LANES, difference * difference)


@inline
def _split_pass(real: Floats, complex_: Floats, n: int, twiddles: Floats, offset: int) -> None:
    """Split n real values into n / 4 complex ones, for the odd bins, and n / 2 real ones, for the even bins."""
    quarter = n // 4
    for p in range(quarter):
        a, b = load(real, p * LANES), load(real, (p + quarter) * LANES)
        c, d = load(real, (p + 2 * quarter) * LANES), load(real, (p + 3 * quarter) * LANES)
        _store_rotated(complex_, p * COMPLEX, a - c, d - b, twiddles, offset + 2 * p)
        store(real, p * LANES, a + c)
        store(real, (p + quarter) * LANES, b + d)


@inline
def _butterfly_pass(complex_: Floats, radix: int, start: int, size: int, n: int, twiddles: Floats, offset: int) -> None:
    """Run one pass over each transform of n points among ``size`` complex values."""
    count = n // radix
    for block in range(start, start + size, n):
        for p in range(count):
            if radix == 8:
                butterfly8(complex_, (block + p) * COMPLEX, count * COMPLEX, twiddles, offset + 14 * p)
            else:
                butterfly4(complex_, (block + p) * COMPLEX, count * COMPLEX, twiddles, offset + 6 * p)


@inline
def _last_pass(complex_: Floats, radix: int, start: int, size: int, power: Floats, bins: Integers, offset: int) -> None:
    """Run the last pass over ``size`` complex values and write the powers."""
    for p in range(0, size, radix):
        if radix == 8:
            power8(complex_, (start + p) * COMPLEX, power, bins, offset + p)
        elif radix == 4:
            power4(complex_, (start + p) * COMPLEX, power, bins, offset + p)
        elif radix == 2:
            power2(complex_, (start + p) * COMPLEX, power, bins, offset + p)
        else:
            power1(complex_, (start + p) * COMPLEX, power, bins, offset + p)
