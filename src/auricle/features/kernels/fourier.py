"""The power spectrum of real frames, LANES at a time: a Fourier transform that never leaves the innermost caches.

A real transform of N points is split by two butterfly stages in one step: its odd bins are a complex transform of
N/4 points, its even bins a real transform of N/2 points, which is split again. Each complex transform runs in place,
in passes of radix 8 and 4; after the first pass its parts are finished one by one, since each fits the L1 cache, and
the last pass writes powers straight to their bins. The passes are a list, made once for each ``n_fft``.

Source: Sorensen, Jones, Heideman and Burrus (1987) for real data; Gentleman and Sande (1966) for the order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.features.kernels.butterfly import COMPLEX, power1, power2, power4, power8, spread4, spread8
from auricle.features.kernels.compiled import part
from auricle.features.kernels.lanes import LANES, Floats, Integers, load, splat, store

__all__ = ["FourierPlan", "fourier_plan", "power_spectrum"]

SPLIT, SPREAD, POWER = 0, 1, 2


class FourierPlan(NamedTuple):
    """The passes of one transform and the numbers that they use."""

    passes: NDArray[np.int64]
    """Rows of (kind, radix, first element, elements, elements of one transform, offset of its twiddles or bins)."""
    twiddles: NDArray[np.float32]
    """Factors exp(-2πi p k / n) as pairs of floats."""
    bins: NDArray[np.int64]
    """The bin that each output of a last pass belongs to."""


def _radices(n: int) -> list[int]:
    """Return the radices of the passes over a complex transform of ``n`` points: 8 wherever 4 and 2 can be avoided."""
    radices = []
    while n > 8:
        radices.append(4 if n.bit_length() % 3 == 2 else 8)
        n //= radices[-1]
    return [*radices, n]


def _positions(n: int) -> NDArray[np.int64]:
    """Return the frequency that stands at each place once all passes are done: its digits reversed."""
    place, frequency, weight = np.arange(n), np.zeros(n, np.int64), 1
    remaining = n
    for radix in _radices(n):
        remaining //= radix
        frequency += place // remaining % radix * weight
        weight *= radix
    return frequency


class _Planner:
    """Collects passes, twiddles and bins."""

    def __init__(self) -> None:
        self.passes: list[tuple[int, ...]] = []
        self.twiddles: list[NDArray[np.complex128]] = []
        self._known: dict[tuple[int, int], int] = {}

    def offset(self, n: int, radix: int, count: int) -> int:
        """Return where the twiddles of a pass begin, in floats."""
        if (n, radix) not in self._known:
            self._known[n, radix] = sum(2 * block.size for block in self.twiddles)
            turns = np.outer(np.arange(count), np.arange(1, radix)) / n
            self.twiddles.append(np.exp(-2j * np.pi * turns).ravel())
        return self._known[n, radix]

    def complex(self, n: int, first_bin: int) -> None:
        """Add the passes of a complex transform: the first over all of it, then the others part by part."""
        first, *others = _radices(n)
        if not others:
            self.passes.append((POWER, first, 0, n, first, first_bin))
            return
        self.passes.append((SPREAD, first, 0, n, n, self.offset(n, first, n // first)))
        part = n // first
        for start in range(0, n, part):
            size = part
            for radix in others[:-1]:
                self.passes.append((SPREAD, radix, start, part, size, self.offset(size, radix, size // radix)))
                size //= radix
            self.passes.append((POWER, others[-1], start, part, size, first_bin + start))


def fourier_plan(n_fft: int) -> FourierPlan:
    """Return the plan for frames of ``n_fft`` samples, a power of two of at least 8."""
    planner, n, spacing = _Planner(), n_fft, 1
    bins: list[NDArray[np.int64]] = []
    while n >= 4:
        planner.passes.append((SPLIT, 2, 0, n, n, planner.offset(n, 2, n // 4)))
        planner.complex(n // 4, sum(block.size for block in bins))
        frequency = 4 * _positions(n // 4) + 1
        bins.append(np.where(frequency > n // 2, n - frequency, frequency) * spacing)
        n //= 2
        spacing *= 2
    factors = np.concatenate(planner.twiddles).astype(np.complex64)
    return FourierPlan(np.array(planner.passes, np.int64), factors.view(np.float32), np.concatenate(bins))


@part
def power_spectrum(frames: Floats, power: Floats, plan: FourierPlan, work: Floats) -> None:
    """Write the power in every bin of LANES windowed real frames.

    Parameters
    ----------
    frames : float32, n_fft values of LANES lanes; overwritten
    power : float32, n_fft // 2 + 1 values of LANES lanes
    plan : FourierPlan of n_fft
    work : float32, n_fft // 4 complex values of LANES lanes
    """
    passes, twiddles, bins = plan.passes, plan.twiddles, plan.bins
    for step in range(len(passes)):
        kind, radix, start, size, n, offset = passes[step]
        if kind == SPLIT:
            _split(frames, work, n, twiddles, offset)
        elif kind == SPREAD:
            _spread(work, radix, start, size, n, twiddles, offset)
        else:
            _finish(work, radix, start, size, power, bins, offset)
    first, second = load(frames, 0), load(frames, LANES)
    total, difference = first + second, first - second
    store(power, 0, total * total)
    store(power, passes[0, 4] // 2 * LANES, difference * difference)


@part
def _split(frames: Floats, work: Floats, n: int, twiddles: Floats, offset: int) -> None:
    """Turn n real values into n / 4 complex ones, the odd bins' transform, and n / 2 real ones, the even bins'."""
    quarter = n // 4
    for p in range(quarter):
        a, b = load(frames, p * LANES), load(frames, (p + quarter) * LANES)
        c, d = load(frames, (p + 2 * quarter) * LANES), load(frames, (p + 3 * quarter) * LANES)
        store(frames, p * LANES, a + c)
        store(frames, (p + quarter) * LANES, b + d)
        real, imag = a - c, d - b
        cosine, sine = splat(twiddles[offset + 2 * p]), splat(twiddles[offset + 2 * p + 1])
        store(work, p * COMPLEX, real * cosine - imag * sine)
        store(work, p * COMPLEX + LANES, real * sine + imag * cosine)


@part
def _spread(work: Floats, radix: int, start: int, size: int, n: int, twiddles: Floats, offset: int) -> None:
    """Run one pass over each transform of n points among ``size`` complex values."""
    count = n // radix
    for block in range(start, start + size, n):
        for p in range(count):
            if radix == 8:
                spread8(work, (block + p) * COMPLEX, count * COMPLEX, twiddles, offset + 14 * p)
            else:
                spread4(work, (block + p) * COMPLEX, count * COMPLEX, twiddles, offset + 6 * p)


@part
def _finish(work: Floats, radix: int, start: int, size: int, power: Floats, bins: Integers, offset: int) -> None:
    """Run the last pass over ``size`` complex values and write the powers."""
    for p in range(0, size, radix):
        if radix == 8:
            power8(work, (start + p) * COMPLEX, power, bins, offset + p)
        elif radix == 4:
            power4(work, (start + p) * COMPLEX, power, bins, offset + p)
        elif radix == 2:
            power2(work, (start + p) * COMPLEX, power, bins, offset + p)
        else:
            power1(work, (start + p) * COMPLEX, power, bins, offset + p)
