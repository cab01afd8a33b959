"""Intervals over few groups: how often they hold the truth, and how often a worthless model seems better than guessing.

Groups have their own luck: a model's accuracy on a group is the inverse logit of a normal variable with a deviation of
0.6, around a mean that gives the stated accuracy over all groups there could be. Groups have 20 recordings each, or
from 5 to 200, of all classes in turn; or of one class each, as where a person has one diagnosis.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from _honesty_row import Row
from numpy.typing import NDArray
from scipy.optimize import brentq

from auricle.evaluation import scores
from auricle.evaluation.intervals import interval_of_accuracy, interval_of_loss, interval_of_r2

N_GROUPS = (2, 3, 4, 5, 6, 8, 12, 20)
N_CLASSES = 4
LUCK = 0.6
SIZES: dict[str, tuple[int, int]] = {"groups of 20": (20, 20), "groups of 5 to 200": (5, 200)}
POWER = ((0.85, 3, 0.95), (0.7, 5, 0.95), (0.5, 8, 0.9))
"""True accuracy, number of groups, and the share of draws in which the model must be called better."""
MAX_WIDTH = 1.25
OF_ONE_CLASS = ((4, 1), (2, 2), (4, 2), (4, 3), (4, 5))
"""Number of classes, and of groups of each, where each group has one class."""
N_RESAMPLES = 400


@dataclass(frozen=True)
class Draws:
    """Draws of one setting: a share of each, or NaN where a draw had no answer."""

    held: float
    better: float
    unanswered: int
    width: float
    usual_width: float


@cache
def centre(accuracy: float) -> float:
    """Return the mean log-odds that gives an accuracy over all groups."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    return float(brentq(lambda mean: weights @ (1 / (1 + np.exp(-(mean + LUCK * nodes)))) - accuracy, -10, 10))


def recordings(
    accuracy: float, n_groups: int, sizes: str, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return whether each recording is predicted correctly, and its group."""
    low, high = SIZES[sizes]
    counts = rng.integers(low, high + 1, n_groups)
    luck = 1 / (1 + np.exp(-(centre(accuracy) + LUCK * rng.standard_normal(n_groups))))
    groups = np.repeat(np.arange(n_groups), counts)
    return rng.random(len(groups)) < luck[groups], groups


def bootstrap_width(correct: NDArray[np.bool_], groups: NDArray[np.intp], rng: np.random.Generator) -> float:
    """Return the width of the percentile bootstrap over groups, the usual interval."""
    hits, sizes = np.bincount(groups, correct), np.bincount(groups)
    drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), N_RESAMPLES)
    low, high = np.percentile((drawn @ hits) / (drawn @ sizes), [2.5, 97.5])
    return float(high - low)


def accuracies(task: tuple[float, int, str, int]) -> Draws:
    """Draw recordings of one setting; the verdict is that of training and evaluation."""
    accuracy, n_groups, sizes, n_draws = task
    held = better = unanswered = 0
    widths, usual = [], []
    for index in range(n_draws):
        rng = np.random.default_rng([round(1000 * accuracy), n_groups, len(sizes), index])
        correct, groups = recordings(accuracy, n_groups, sizes, rng)
        truth = rng.integers(0, N_CLASSES, len(correct))
        found = scores.classification_intervals(truth, np.where(correct, truth, (truth + 1) % N_CLASSES), groups)
        found["balanced_accuracy"] = float(correct.mean())
        low, high = found["ci95"]
        kind = scores.verdict_kind(found, task="classify", chance_level=1 / N_CLASSES)
        held += low <= accuracy <= high
        better += kind == "better"
        unanswered += kind == "cannot_say"
        if n_groups >= 12:
            widths.append(high - low)
            usual.append(bootstrap_width(correct, groups, rng))
    width, usual_width = (float(np.mean(part)) if part else float("nan") for part in (widths, usual))
    return Draws(held / n_draws, better / n_draws, unanswered, width, usual_width)


def single_classes(task: tuple[float, int, int, str, int]) -> tuple[float, float, int]:
    """Return how often balanced accuracy is called better, how often its interval holds it, and draws without one."""
    accuracy, n_classes, n_each, sizes, n_draws = task
    rng = np.random.default_rng([round(1000 * accuracy), n_classes, n_each, len(sizes)])
    better = held = unanswered = 0
    for _ in range(n_draws):
        correct, groups = recordings(accuracy, n_classes * n_each, sizes, rng)
        low, high = interval_of_accuracy(correct, groups % n_classes, groups, balanced=True)
        better += low > 1 / n_classes
        held += low <= accuracy <= high
        unanswered += not np.isfinite([low, high]).all()
    return better / n_draws, held / n_draws, unanswered


def numbers(task: tuple[int, str, int]) -> tuple[float, float]:
    """Return how often the intervals of R² and of the mean absolute error hold those of all groups there could be."""
    n_groups, sizes, n_draws = task
    low_size, high_size = SIZES[sizes]
    rng = np.random.default_rng([n_groups, len(sizes)])
    of_all = rng.standard_normal(400_000) * 0.3 + rng.standard_normal(400_000) * 0.4
    r2, mae = 1.0 - float((of_all**2).mean()), float(np.abs(of_all).mean())
    held = np.zeros(2)
    for _ in range(n_draws):
        counts = rng.integers(low_size, high_size + 1, n_groups)
        groups = np.repeat(np.arange(n_groups), counts)
        truth = rng.standard_normal(len(groups))
        errors = 0.3 * rng.standard_normal(n_groups)[groups] + 0.4 * rng.standard_normal(len(groups))
        intervals = interval_of_r2(truth, truth + errors, groups), interval_of_loss(np.abs(errors), groups)
        held += [low <= value <= high for (low, high), value in zip(intervals, (r2, mae), strict=True)]
    return float(held[0] / n_draws), float(held[1] / n_draws)


def rows(*, short: bool) -> Sequence[Row]:
    """Return the rows of verdicts and intervals over few groups."""
    n_draws = 200 if short else 4000
    settings = [(a, g, s, n_draws) for s in SIZES for g in N_GROUPS for a in (0.25, 0.5, 0.8, 0.95)]
    power = [(a, g, s, n_draws) for s in SIZES for a, g, _ in POWER]
    single = [(a, 1, s, n_draws) for s in SIZES for a in (0.25, 0.8)]
    of_one_class = [(a, k, g, s, n_draws) for s in SIZES for k, g in OF_ONE_CLASS for a in (1 / k, 0.8)]
    of_numbers = [(g, s, n_draws) for s in SIZES for g in N_GROUPS]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tasks = [*settings, *power, *single]
        found = dict(zip(tasks, pool.map(accuracies, tasks), strict=True))
        alone = dict(zip(of_one_class, pool.map(single_classes, of_one_class), strict=True))
        held = dict(zip(of_numbers, pool.map(numbers, of_numbers), strict=True))
    return [
        *_worthless(found, settings),
        *_covered(found, settings),
        *_power(found, n_draws),
        *_single(found, single),
        *_widths(found, settings),
        *_of_one_class(alone),
        *_numbers(held),
    ]


Found = dict[Any, Draws]


def _worthless(found: Found, settings: Sequence[Any]) -> Iterator[Row]:
    for task in settings:
        accuracy, n_groups, sizes, n_draws = task
        if accuracy == 1 / N_CLASSES:
            what = f"worthless, {n_groups} {sizes}: better than guessing"
            yield Row(what, found[task].better, 0.035, n_draws, cannot_say=found[task].unanswered)


def _covered(found: Found, settings: Sequence[Any]) -> Iterator[Row]:
    for task in settings:
        accuracy, n_groups, sizes, n_draws = task
        limit = 0.93 if n_groups >= 3 and accuracy < 0.95 and sizes == "groups of 20" else 0.9
        what = f"accuracy {accuracy:g}, {n_groups} {sizes}: interval holds it"
        yield Row(what, found[task].held, limit, n_draws, is_floor=True, cannot_say=found[task].unanswered)


def _power(found: Found, n_draws: int) -> Iterator[Row]:
    for accuracy, n_groups, limit in POWER:
        for sizes in SIZES:
            draws = found[accuracy, n_groups, sizes, n_draws]
            what = f"accuracy {accuracy:g}, {n_groups} {sizes}: better than guessing"
            yield Row(what, draws.better, limit, n_draws, is_floor=True, cannot_say=draws.unanswered)


def _single(found: Found, single: Sequence[Any]) -> Iterator[Row]:
    for task in single:
        draws, n_draws = found[task], task[-1]
        what = f"accuracy {task[0]:g}, one group ({task[2]}): cannot say"
        share = draws.unanswered / n_draws
        yield Row(what, share, 1.0, n_draws, is_floor=True, cannot_say=draws.unanswered, may_refuse=True)


def _widths(found: Found, settings: Sequence[Any]) -> Iterator[Row]:
    for task in settings:
        accuracy, n_groups, sizes, n_draws = task
        if n_groups >= 12:
            ratio = found[task].width / found[task].usual_width
            yield Row(f"accuracy {accuracy:g}, {n_groups} {sizes}: width / bootstrap's", ratio, MAX_WIDTH, n_draws)


def _of_one_class(alone: dict[Any, tuple[float, float, int]]) -> Iterator[Row]:
    for (accuracy, n_classes, n_each, sizes, n_draws), (better, held, unanswered) in alone.items():
        what = f"accuracy {accuracy:g}, {n_classes} classes, {n_each} {sizes} of each alone"
        if accuracy == 1 / n_classes:
            yield Row(f"{what}: better", better, 0.035, n_draws, cannot_say=unanswered)
        limit = 0.93 if sizes == "groups of 20" else 0.9
        yield Row(f"{what}: held", held, limit, n_draws, is_floor=True, cannot_say=unanswered)


def _numbers(held: dict[Any, tuple[float, float]]) -> Iterator[Row]:
    for (n_groups, sizes, n_draws), (r2, mae) in held.items():
        for name, value in (("R²", r2), ("absolute error", mae)):
            what = f"{name}, {n_groups} {sizes}: interval holds it"
            limit = 0.93 if n_groups >= 3 and sizes == "groups of 20" else 0.9
            yield Row(what, value, limit, n_draws, is_floor=True)
