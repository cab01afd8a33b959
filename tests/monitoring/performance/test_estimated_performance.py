"""Performance without labels: coverage of the interval, and refusals."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.performance.estimated_performance import estimated_performance
from auricle.monitoring.sources.sample import Sample


def test_estimate_is_accurate_and_its_interval_covers(make_sample):
    held = []
    for seed in range(20):
        window = make_sample(200, 100 + seed)
        found = estimated_performance(make_sample(600, seed), window)
        low, high = found.interval
        held.append(low <= window.is_correct.mean() <= high)
    assert np.mean(held) >= 0.85
    assert found.value == pytest.approx(window.is_correct.mean(), abs=0.06)


def test_low_confidence_lowers_the_estimate(make_sample):
    window = make_sample(300, 1)
    doubtful = (window.outputs + 0.6) / (window.outputs + 0.6).sum(axis=1, keepdims=True)
    found = estimated_performance(make_sample(600), replace(window, outputs=doubtful))
    assert found.is_worse
    assert found.value < found.reference - 0.1


def test_shifted_inputs_have_no_estimate(make_sample):
    found = estimated_performance(
        make_sample(300), make_sample(200, 1, shifted={"snr_db": -30.0, "bandwidth_hz": -4000.0})
    )
    assert found.value is None
    assert found.interval is None
    assert found.reason.startswith("Cannot say how good the predictions are without labels")
    assert not found.is_worse


def test_level_shift_alone_keeps_the_estimate(make_sample):
    louder = dict.fromkeys(("level_db", "peak_db", "noise_floor_db"), 12.0)
    assert estimated_performance(make_sample(300), make_sample(200, 1, shifted=louder)).value is not None


def numbers(n, seed):
    rng = np.random.default_rng(seed)
    novelty = rng.random(n).astype(np.float32)
    truth = rng.normal(size=n) * 10
    values = truth + novelty * 4 * rng.normal(size=n)
    nat = np.full(n, np.datetime64("NaT", "us"))
    ids = np.array([f"{seed}-{i}" for i in range(n)])
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    quality = rng.normal(size=(n, 15)).astype(np.float32)
    rates, unknown = np.full(n, 16_000), np.zeros(n, bool)
    return Sample(
        model="m@1",
        classes=(),
        columns=("a", "b", "c"),
        ids=ids,
        times=nat,
        groups=ids,
        rows=rows,
        quality=quality,
        outputs=values[:, None].astype(np.float32),
        novelty=novelty,
        unknown=unknown,
        rates_hz=rates,
        truth=truth,
        label_times=nat,
    )


def test_regression_error_is_estimated_from_novelty():
    reference, window = numbers(800, 0), numbers(300, 1)
    far = window.subset(window.novelty > 0.7)
    usual, more = estimated_performance(reference, window), estimated_performance(reference, far)
    assert usual.score == "mae"
    assert more.value > 1.3 * usual.value
    assert more.is_worse
    assert more.value == pytest.approx(np.abs(far.outputs[:, 0] - far.truth).mean(), rel=0.25)


def test_clipping_prevents_an_estimate_above_a_share(make_sample):
    def clipped(n_clipped):
        window = make_sample(200, 1)
        quality = window.quality.copy()
        quality[:n_clipped, QUALITY_COLUMNS.index("flat_topped")] += 0.05
        return estimated_performance(make_sample(300), replace(window, quality=quality))

    found = clipped(60)
    assert found.value is None
    assert "30% of recordings are clipped" in found.reason
    assert clipped(20).value is not None
