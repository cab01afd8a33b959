"""Plain weighted sums of a spectrum, as the pretrained models of others were fed: no decibels, no floor."""

from auricle.kernels.bands import Bands, weighted_sum
from auricle.kernels.compiled import kernel
from auricle.kernels.fourier import FourierPlan, power_spectrum, split_frames
from auricle.kernels.frames import Workspace
from auricle.kernels.framing import side_by_side, stage
from auricle.kernels.simd import LANES, Floats, Integers, load, square_root, store

__all__ = ["band_sums"]


@kernel
def band_sums(
    samples: Floats,
    begin: int,
    end: int,
    transform: bool,  # noqa: FBT001 - numba kernels take no keyword-only arguments
    magnitude: bool,  # noqa: FBT001
    window: Floats,
    places: Integers,
    hop: int,
    fourier: FourierPlan,
    bands: Bands,
    work: Workspace,
    values: Floats,
) -> None:
    """Fill frames ``begin`` to ``end`` of ``values`` (bands by frames) from samples, a block of LANES at a time.

    Parameters
    ----------
    transform : False when ``work.power`` holds the power spectrum of one block already, because ``n_fft`` is not a
        power of two of at least 8
    magnitude : sum magnitudes, not powers
    """
    step = min(hop, len(window))
    columns = LANES + (len(window) - 1) // step
    width = (columns + LANES - 1) // LANES * LANES
    runs, weights = bands.runs, bands.weights
    for first in range(begin, end, LANES):
        if transform:
            stage(samples, first * hop, hop, step, columns, work.staged)
            side_by_side(work.staged, step, width, work.side)
            split_frames(work.side, places, window, fourier, work.frames, work.complex)
            power_spectrum(work.frames, work.complex, fourier, work.power)
        if magnitude:
            for bin_ in range(0, len(work.power), LANES):
                store(work.power, bin_, square_root(load(work.power, bin_)))
        for run in range(len(runs)):
            total = weighted_sum(work.power, runs[run, 1], runs[run, 2], weights, runs[run, 3])
            store(values, runs[run, 0] * values.shape[1] + first, total)
