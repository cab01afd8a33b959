"""Sums over neighbouring numbers, LANES of them at a time."""

from auricle.kernels.compiled import part
from auricle.kernels.lanes import LANES, Floats, extract, load, splat

__all__ = ["total", "total_of_squares"]


@part
def total(numbers: Floats) -> float:
    """Return the sum of some numbers."""
    whole, lanes, found = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0
    for i in range(0, whole, LANES):
        lanes += load(numbers, i)
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += numbers[i]
    return found


@part
def total_of_squares(numbers: Floats, centre: float) -> float:
    """Return the sum of the squared distances of some numbers from ``centre``."""
    whole, lanes, found, middle = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0, splat(centre)
    for i in range(0, whole, LANES):
        distance = load(numbers, i) - middle
        lanes += distance * distance
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += (numbers[i] - centre) ** 2
    return found
