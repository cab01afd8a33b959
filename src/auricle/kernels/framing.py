"""Framing: interleave the samples of LANES overlapping frames, and compute their energy and zero crossings."""

import numpy as np

from auricle.kernels.compiled import inline, kernel
from auricle.kernels.simd import LANES, Floats, Integers, below, extract, load, multiply_add, splat, store, transpose

__all__ = ["all_within", "column_layout", "copy_columns", "energy_and_crossings", "interleave", "lane_offsets"]

ZERO_THRESHOLD = 1e-10  # samples this close to 0 count as positive


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


@inline
def copy_columns(samples: Floats, first: int, hop: int, step: int, columns: int, staged: Floats) -> None:
    """Copy the samples of LANES frames: column c holds ``step`` samples from ``first + c * hop`` on.

    Samples beyond the end are 0.
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


@inline
def interleave(staged: Floats, step: int, width: int, interleaved: Floats) -> None:
    """Write sample i of all columns side by side, from ``interleaved[i * width]`` on.

    Frames overlap, so each sample is moved once, not once for every frame: sample i of the frame in lane l lies in
    column l + i // step, and neighbouring lanes read neighbouring columns (see `lane_offsets`).
    """
    for i in range(0, step, LANES):
        row = max(0, min(i, step - LANES))
        for column in range(0, width, LANES):
            transpose(staged, column * step + row, step, interleaved, row * width + column, width)


def column_layout(n_fft: int, hop: int) -> tuple[int, int]:
    """Return the number of new samples in each frame, and of columns for LANES frames, in whole lanes."""
    step = min(hop, n_fft)
    columns = LANES + (n_fft - 1) // step
    return step, -(-columns // LANES) * LANES


def lane_offsets(n_fft: int, hop: int) -> Integers:
    """Return the offset in ``interleaved`` of each sample of a frame, for all lanes: int64, shape (n_fft,)."""
    step, width = column_layout(n_fft, hop)
    return np.arange(n_fft) % step * width + np.arange(n_fft) // step


@inline
def energy_and_crossings(interleaved: Floats, offsets: Integers, values: Floats, energy: int, crossings: int) -> None:
    """Write each frame's sum of squares and number of zero crossings, at two indices of ``values``."""
    total, changes, zero = splat(0.0), splat(0.0), splat(-ZERO_THRESHOLD)
    before = below(load(interleaved, offsets[0]), zero)
    for i in range(len(offsets)):
        sample = load(interleaved, offsets[i])
        negative = below(sample, zero)
        change = negative - before
        total = multiply_add(sample, sample, total)
        changes += change * change
        before = negative
    store(values, energy, total)
    store(values, crossings, changes)
