"""All drift tests at one false alarm rate, with grouped and ungrouped p-values."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.drift.battery import (
    RATE_OF_LABEL_SHIFT,
    RATE_OF_LABEL_SHIFT_WITH_LABELS,
    RATE_PER_TEST,
    detect_drift,
)
from auricle.monitoring.performance.measured_performance import RATE_OF_LABELS


def detect(reference, window, **options):
    return detect_drift(reference, window, **{"rate": 0.01, "model_rate_hz": 16_000, "seed": 0} | options)


def test_rates_of_all_tests_add_up_to_one():
    n_tests = len(("features", "multivariate", "novel clusters", "novelty rate", "subgroups"))
    assert n_tests * RATE_PER_TEST + RATE_OF_LABEL_SHIFT == pytest.approx(1.0)
    n_with_labels = len(("score", "calibration", "concept drift"))
    with_labels = n_with_labels * RATE_OF_LABELS + RATE_OF_LABEL_SHIFT_WITH_LABELS
    assert n_tests * RATE_PER_TEST + with_labels == pytest.approx(1.0)


def test_shift_of_one_measure_is_detected(make_sample):
    assert not detect(make_sample(300), make_sample(120, 1)).alarms(0.01)
    drift = detect(make_sample(300), make_sample(120, 1, shifted={"level_db": -15.0}))
    assert drift.alarms(0.01)
    assert max(drift.features, key=lambda feature: feature.effect).name == "level_db"


def test_single_group_is_significant_only_if_ungrouped(make_sample):
    rng = np.random.default_rng(0)
    reference = make_sample(300)
    rows = reference.rows + np.repeat(rng.normal(size=(30, 6)) * 3, 10, axis=0).astype(np.float32)
    reference = replace(reference, rows=rows, groups=np.repeat(np.arange(30), 10).astype(str))
    window = make_sample(150, 1)
    window = replace(window, rows=window.rows + rng.normal(size=6).astype(np.float32) * 3, groups=np.full(150, "mic"))
    assert not detect(reference, window).alarms(0.01)
    assert detect(*(replace(sample, groups=sample.ids) for sample in (reference, window))).alarms(0.01)


def test_surer_and_less_novel_predictions_are_no_drift(make_sample):
    """Out-of-fold predictions of known speakers are worse than those of the model that knows them."""
    reference, window = make_sample(300), make_sample(200, 1)
    sure = window.outputs**3 / (window.outputs**3).sum(axis=1, keepdims=True)
    better = replace(
        window, outputs=sure.astype(np.float32), novelty=window.novelty / 10, unknown=window.unknown & False
    )
    assert not detect(reference, better).alarms(0.01)
    worse = replace(window, novelty=window.novelty + 0.4)
    assert [one.name for one in detect(reference, worse).features if one.drifted(0.001)] == ["novelty"]


def test_subgroups_are_tested_only_by_a_column(make_sample):
    window = replace(make_sample(120, 1), metadata={"site": np.array(["a", "b"])[np.arange(120) % 2]})
    assert detect(make_sample(300), window).subgroups.tested == ()
    reference = replace(make_sample(300), metadata={"site": np.array(["a", "b"])[np.arange(300) % 2]})
    assert [part.value for part in detect(reference, window, by="site").subgroups.tested] == ["a", "b"]
