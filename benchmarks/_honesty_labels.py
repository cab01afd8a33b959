"""Labels: unchanged windows with a few of them, numbers in any unit, confidence that changed its meaning, estimates.

Classes come from models of real recordings, numbers from a simulated gauge, whose error grows with novelty: labels from
the top of the review queue have larger errors though nothing changed.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from _honesty_row import Row
from _honesty_windows import GROUPS, N_MODELS, draw, gauge, model, told, untold
from _monitored_models import ModelCache, unlabelled
from numpy.typing import NDArray
from scipy.special import expit, logit

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.features.cache import default_folder
from auricle.monitoring.check import check
from auricle.monitoring.performance.concept_drift import concept_drift
from auricle.monitoring.performance.estimated_performance import estimated_performance
from auricle.monitoring.performance.measured_performance import (
    RATE_OF_LABELS,
    MeasuredPerformance,
    measured_performance,
)
from auricle.monitoring.sources.sample import Sample

UNITS = {"mm": 1000.0, "m": 1.0}
UNCLIPPED = ", unclipped"
"""Of a gain: of those recordings only that it does not clip."""
GAIN_DB = 12.0
FAULTS = (None, "gain_down", f"gain_up{UNCLIPPED}", "gain_up")
"""Of the third, ESC-10 has 13 to 19 recordings, too few to measure an accuracy on."""
LENIENT = 0.1
FEW_SOURCES = (2, 3, 5, 12)
LUCK = 0.6
N_LABEL_TESTS = 3
LABEL_KINDS = ("Accuracy is", "The mean absolute error is", "Confidence no longer", "Concept drift")

_CACHE: list[ModelCache] = []


def _open() -> None:
    _CACHE.append(ModelCache(default_folder() / "benchmarks" / "honesty", GROUPS))


def with_labels(sample: Sample, n_labels: int, rng: np.random.Generator) -> Sample:
    """Keep the labels of some recordings, chosen at random."""
    kept = np.isin(np.arange(len(sample)), rng.permutation(len(sample))[:n_labels])
    return replace(sample, truth=np.where(kept, sample.truth, "" if sample.classes else np.nan))


def unchanged(task: tuple[str, int, int, int]) -> tuple[int, int]:
    """Count alarms, and alarms that labels raise, in unchanged windows of 200 recordings."""
    name, seed, n_labels, n_windows = task
    trained, alarms, of_labels = model(_CACHE[0], name, seed), 0, 0
    for index in range(n_windows):
        rng = np.random.default_rng([seed, index, n_labels])
        window = with_labels(draw(_CACHE[0].predict(trained), 200, rng), n_labels, rng)
        window = told(trained, window) if index % 2 else untold(window, rng)
        found = check(trained.reference, window, model_rate_hz=trained.rate_hz, seed=index)
        alarms += found.verdict.state == "alarm"
        of_labels += any(kind in found.verdict.sentence for kind in LABEL_KINDS) and found.verdict.found == "alarm"
    return alarms, of_labels


def queue_of_classes(task: tuple[str, int, str]) -> bool:
    """Return whether 60 labels from the top of a queue of real recordings alarm, though nothing changed."""
    name, seed, order = task
    trained = model(_CACHE[0], name, seed)
    live = _CACHE[0].predict(trained)
    urgency = live.novelty if order == "novelty" else -live.confidence
    top = np.isin(np.arange(len(live)), np.argsort(-urgency, kind="stable")[:60])
    window = replace(live, truth=np.where(top, live.truth, ""), groups=live.ids)
    return _finds(measured_performance(trained.reference, window, seed=seed))


def overconfident(task: tuple[str, int]) -> tuple[bool, bool]:
    """Make three tenths of the confident predictions wrong, with 200 labels.

    Return whether it is found that confidence changed its meaning, where nobody told the sources, and whether any test
    with labels alarms where they are told.
    """
    name, seed = task
    trained, rng = model(_CACHE[0], name, seed % 3), np.random.default_rng(seed)
    window = draw(_CACHE[0].predict(trained), 200, rng)
    classes = np.array(window.classes)
    other = classes[(window.predicted + rng.integers(1, len(classes), 200)) % len(classes)]
    confident = (window.confidence >= np.median(window.confidence)) & (rng.random(200) < 0.3)
    window = replace(window, truth=np.where(confident, other, window.truth))
    untold_sources = measured_performance(trained.reference, replace(window, groups=window.ids))
    is_found = untold_sources is not None and untold_sources.is_miscalibrated
    return is_found, _finds(measured_performance(trained.reference, told(trained, window)))


def _finds(found: MeasuredPerformance | None) -> bool:
    """Return whether any test with labels alarms."""
    return found is not None and (found.is_worse or found.is_miscalibrated or found.concept.is_found)


def queue(task: tuple[str, int]) -> bool:
    """Return whether 60 labels from the top of the review queue alarm, though nothing changed."""
    unit, seed = task
    window = gauge(400, 1000 + seed, unit=UNITS[unit])
    top = np.isin(np.arange(400), np.argsort(-window.novelty)[:60])
    window = replace(window, truth=np.where(top, window.truth, np.nan))
    return check(gauge(300, seed, unit=UNITS[unit]), window, model_rate_hz=16_000, seed=seed).verdict.state == "alarm"


def larger_errors(task: tuple[str, int]) -> bool:
    """Return whether errors three times larger are found within 300 labels."""
    unit, seed = task
    window = gauge(300, 2000 + seed, unit=UNITS[unit], errors=3.0)
    found = measured_performance(gauge(300, seed, unit=UNITS[unit]), window, seed=seed)
    return found is not None and found.concept.is_found


def unchanged_stream(task: tuple[str, int]) -> bool:
    """Return whether 5,000 labels of an unchanged gauge raise an alarm of concept drift."""
    unit, seed = task
    stream = gauge(5000, 3000 + seed, unit=UNITS[unit])
    found = measured_performance(gauge(300, seed, unit=UNITS[unit]), stream, seed=seed)
    return found is not None and found.concept.is_found


def unchanged_errors(seed: int) -> bool:
    """Return whether 1,000 unchanged labels, three tenths of them errors, seem a concept drift."""
    rng = np.random.default_rng(seed)
    known, live = ((rng.random(1000) < 0.3).astype(np.float64) for _ in range(2))
    times = np.full(1000, np.datetime64("NaT", "us"))
    return concept_drift(known, live, times, rate=LENIENT * RATE_OF_LABELS, seed=seed).is_found


def spoken(groups: NDArray[np.str_], rng: np.random.Generator) -> Sample:
    """Return simulated predictions of four classes, by sources with a luck of their own (sd 0.6 on the log-odds)."""
    names, members = np.unique(groups, return_inverse=True)
    n, nat = len(groups), np.full(len(groups), np.datetime64("NaT", "us"))
    logits = rng.normal(size=(n, 4))
    logits[:, 0] += 2.2
    outputs = np.exp(1.6 * rng.permuted(logits, axis=1))
    outputs /= outputs.sum(axis=1, keepdims=True)
    confidence, predicted = outputs.max(axis=1), outputs.argmax(axis=1)
    is_right = rng.random(n) < expit(logit(confidence) + LUCK * rng.normal(size=len(names))[members])
    truth = np.where(is_right, predicted, (predicted + rng.integers(1, 4, n)) % 4)
    return Sample(
        model="spoken@0123456789ab",
        classes=("a", "b", "c", "d"),
        columns=("x",),
        ids=np.arange(n).astype(str),
        times=nat,
        groups=groups,
        rows=rng.normal(size=(n, 1)).astype(np.float32),
        quality=rng.normal(size=(n, len(QUALITY_COLUMNS))).astype(np.float32),
        outputs=outputs.astype(np.float32),
        novelty=rng.random(n).astype(np.float32),
        unknown=np.zeros(n, np.bool_),
        rates_hz=np.full(n, 16_000),
        truth=np.array(["a", "b", "c", "d"])[truth],
        label_times=nat,
    )


def few_sources(task: tuple[int, int]) -> bool:
    """Return whether 100 labels of a few new sources alarm, where these differ as those of the training data do."""
    n_sources, seed = task
    rng = np.random.default_rng([n_sources, seed])
    reference = spoken(np.repeat(np.arange(20), 30).astype(str), rng)
    window = spoken((100 + np.arange(100) % n_sources).astype(str), rng)
    return _finds(measured_performance(reference, window, rate=LENIENT, seed=seed))


def estimates(task: tuple[str, str | None, int]) -> tuple[list[float], int]:
    """Return the absolute errors of estimated accuracy, and the number of refusals."""
    name, fault, n_draws = task
    errors, refused = [], 0
    for index in range(n_draws):
        trained, rng = model(_CACHE[0], name, index % 3), np.random.default_rng(index)
        live = _CACHE[0].predict(trained, None if fault is None else fault.removesuffix(UNCLIPPED))
        if fault is not None and fault.endswith(UNCLIPPED):
            live = live.subset(_CACHE[0].predict(trained).measure("peak_db") < -GAIN_DB)
        window = draw(live, 200, rng)
        found = estimated_performance(trained.reference, unlabelled(window), seed=index)
        if found.value is None:
            refused += 1
        else:
            errors.append(abs(found.value - float(window.is_correct.mean())))
    return errors, refused


def rows(*, short: bool) -> Sequence[Row]:
    """Return the rows of labels and estimates."""
    n_models, n_windows, n_draws, n_gauges = (2, 4, 6, 4) if short else (N_MODELS, 36, 50, 20)
    sets = ("commands", "fsdd") if short else tuple(GROUPS)
    _open()
    with ProcessPoolExecutor(os.cpu_count(), initializer=_open) as pool:
        tasks = [(name, seed, n, n_windows) for seed in range(n_models) for name in sets for n in (50, 100)]
        quiet = list(zip(tasks, pool.map(unchanged, tasks), strict=True))
        found = [*_unchanged_rows(quiet, sets)]
        confident = [(name, seed) for name in ("commands", "fsdd") for seed in range(n_draws)]
        changed = np.mean(list(pool.map(overconfident, confident)), axis=0)
        for finding, share in zip(("calibration, untold sources", "any alarm, told"), changed, strict=True):
            what = f"confident predictions a third wrong, 200 labels: {finding}"
            found.append(Row(what, float(share), 0.9, len(confident), is_floor=True))
        for order in ("novelty", "doubt"):
            tasks_of_queue = [(name, seed, order) for seed in range(n_models) for name in sets]
            share = float(np.mean(list(pool.map(queue_of_classes, tasks_of_queue))))
            what = f"classes, 60 labels from the top of the queue by {order}: alarms"
            found.append(Row(what, share, 0.0, len(tasks_of_queue)))
        for what, function, n, limit, is_floor in (
            ("60 labels from the top of the queue: alarms", queue, n_gauges, 0.0, False),
            ("errors three times larger: found in 300 labels", larger_errors, n_gauges, 1.0, True),
            ("unchanged streams of 5,000 labels: alarms", unchanged_stream, 2 if short else 50, 0.0, False),
        ):
            for unit in UNITS:
                share = float(np.mean(list(pool.map(function, [(unit, seed) for seed in range(n)]))))
                found.append(Row(f"gauge in {unit}, {what}", share, limit, n, is_floor=is_floor))
        estimated = [
            (name, fault, n_draws) for name in sets for fault in FAULTS if (name, fault) != ("esc10", FAULTS[2])
        ]
        found += [*_budget_rows(pool, n_gauges if short else 200)]
        found += _estimate_rows(zip(estimated, pool.map(estimates, estimated), strict=True))
    return found


def _unchanged_rows(
    quiet: Sequence[tuple[tuple[str, int, int, int], tuple[int, int]]], sets: Sequence[str]
) -> Iterator[Row]:
    for name in sets:
        for n_labels in (50, 100):
            counts = [(task[-1], *counts) for task, counts in quiet if task[0] == name and task[2] == n_labels]
            n, alarms, of_labels = (sum(part) for part in zip(*counts, strict=True))
            yield Row(f"unchanged, {n_labels} labels, {name}: alarms", alarms / n, 0.02, n)
            yield Row(f"unchanged, {n_labels} labels, {name}: alarms by labels", of_labels / n, 0.01, n)


def _budget_rows(pool: ProcessPoolExecutor, n_draws: int) -> Iterator[Row]:
    """Measure at a rate of 10 %, where a draw says more of a share than at the usual one."""
    streams = float(np.mean(list(pool.map(unchanged_errors, range(n_draws), chunksize=8))))
    what = f"unchanged stream of 1,000 labels at --rate {LENIENT}: concept drift"
    yield Row(what, streams, RATE_OF_LABELS * LENIENT, n_draws)
    for n_sources in FEW_SOURCES:
        alarms = float(
            np.mean(list(pool.map(few_sources, [(n_sources, seed) for seed in range(n_draws)], chunksize=8)))
        )
        what = f"unchanged, {n_sources} told sources, 100 labels at --rate {LENIENT}: alarms by labels"
        yield Row(what, alarms, N_LABEL_TESTS * RATE_OF_LABELS * LENIENT, n_draws)


def _estimate_rows(found: Iterator[tuple[tuple[str, str | None, int], tuple[list[float], int]]]) -> Iterator[Row]:
    for (name, fault, n_draws), (errors, refused) in found:
        what = f"accuracy estimated, {fault or 'unchanged'}, {name}"
        if fault != "gain_up":
            mean = float(np.mean(errors)) if errors else float("nan")
            limit = 0.03 if fault is None else 0.05
            yield Row(f"{what}: mean absolute error", mean, limit, n_draws, cannot_say=refused)
        else:  # clipped: confidence is not calibrated for that
            what = f"{what}: estimates off by 5 points"
            off = sum(error > 0.05 for error in errors) / n_draws
            yield Row(what, off, 0.0, n_draws, cannot_say=refused, may_refuse=True)
