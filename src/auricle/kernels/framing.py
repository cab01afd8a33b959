"""Framing: samples become windowed frames, LANES of them side by side, with their energy and sign changes."""

import numpy as np

from auricle.kernels.compiled import kernel, part
from auricle.kernels.simd import LANES, Floats, Integers, below, extract, load, multiply_add, splat, store, transpose

__all__ = ["all_within", "layout", "levels", "places_of", "side_by_side", "stage"]

ZERO = 1e-10  # samples this close to 0 count as positive


@kernel
def all_within(samples: Floats, limit: float) -> bool:
    """Return whether every sample lies between ``-limit`` and ``limit``; NaN does not."""
    whole = len(samples) - len(samples) % LANES
    outside, one, high, low = splat(0.0), splat(1.0), splat(limit), splat(-limit)
    for i in range(0, whole, LANES):
        some = load(samples, i)
        outside += one - below(some, high) * below(low, some)
    inside = True
    for lane in range(LANES):
        inside &= extract(outside, lane) == 0.0
    for i in range(whole, len(samples)):
        inside &= -limit < samples[i] < limit
    return inside


@part
def stage(samples: Floats, first: int, hop: int, step: int, columns: int, staged: Floats) -> None:
    """Copy the stretch that LANES frames need: column c holds ``step`` samples from ``first + c * hop`` on.

    What lies beyond the end of the samples is 0.
    """
    for column in range(columns):
        source, target = first + column * hop, column * step
        held = max(0, min(step, len(samples) - source))
        whole = held - held % LANES
        for i in range(0, whole, LANES):
            store(staged, target + i, load(samples, source + i))
        for i in range(whole, held):
            staged[target + i] = samples[source + i]
        for i in range(held, step):
            staged[target + i] = 0.0


@part
def side_by_side(staged: Floats, step: int, width: int, side: Floats) -> None:
    """Write sample i of every column next to one another, to ``side[i * width]``.

    Frames overlap, so each sample is moved once, not once for every frame that holds it: sample i of the frame in
    lane l lies in column l + i // step, and neighbouring lanes read neighbouring columns (see `places_of`).
    """
    for i in range(0, step, LANES):
        row = max(0, min(i, step - LANES))
        for column in range(0, width, LANES):
            transpose(staged, column * step + row, step, side, row * width + column, width)


def layout(n_fft: int, hop: int) -> tuple[int, int]:
    """Return how many samples of a frame are new, and how many columns LANES frames need, in whole lanes."""
    step = min(hop, n_fft)
    columns = LANES + (n_fft - 1) // step
    return step, -(-columns // LANES) * LANES


def places_of(n_fft: int, hop: int) -> Integers:
    """Return where in ``side`` the lanes of each sample of a frame begin, shape (n_fft,)."""
    step, width = layout(n_fft, hop)
    return np.arange(n_fft) % step * width + np.arange(n_fft) // step


@part
def levels(side: Floats, places: Integers, values: Floats, energy: int, crossings: int) -> None:
    """Write each frame's sum of squares, and how often its sign changes; both are places in ``values``."""
    total, changes, zero = splat(0.0), splat(0.0), splat(-ZERO)
    before = below(load(side, places[0]), zero)
    for i in range(len(places)):
        sample = load(side, places[i])
        negative = below(sample, zero)
        change = negative - before
        total = multiply_add(sample, sample, total)
        changes += change * change
        before = negative
    store(values, energy, total)
    store(values, crossings, changes)
