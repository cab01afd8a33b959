"""Concept drift: detectors on streams of errors and labels."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import UsageError
from auricle.monitoring.check import as_json
from auricle.monitoring.performance import concept_drift as module
from auricle.monitoring.performance.concept_drift import concept_drift, label_evidence

pytest.importorskip("river")


def errors(rate, n, seed=0):
    return (np.random.default_rng(seed).random(n) < rate).astype(float)


def none(n):
    return np.full(n, np.datetime64("NaT", "us"))


def test_rise_is_detected_with_its_time():
    stream = np.concatenate([errors(0.1, 300), errors(0.35, 400, 1)])
    times = np.datetime64("2026-03-01", "us") + np.arange(700) * np.timedelta64(1, "h")
    found = concept_drift(errors(0.1, 500, 2), stream, times)
    assert found.is_found
    assert 300 < found.label <= 500
    assert found.at is not None
    assert found.after > found.before
    assert as_json(found)["at"].startswith("2026-03-")


def test_rise_from_the_first_label_is_detected():
    assert concept_drift(errors(0.1, 800), errors(0.35, 300, 1), none(300)).label <= 200


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_no_change_is_no_drift(rate):
    assert not concept_drift(errors(rate, 800), errors(rate, 3000, 1), none(3000)).is_found


def test_fall_of_errors_is_no_drift():
    stream = np.concatenate([errors(0.4, 600), errors(0.05, 900, 1)])
    assert not concept_drift(errors(0.4, 500, 2), stream, none(1500)).is_found


def test_regression_errors_are_scaled(rng):
    reference_errors, worse = np.abs(rng.normal(size=500)) * 40, np.abs(rng.normal(size=400)) * 120
    assert concept_drift(reference_errors, worse, none(400)).is_found
    assert not concept_drift(reference_errors, reference_errors[::-1], none(500)).is_found


def test_missing_river_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "river", None)
    with pytest.raises(UsageError, match=r"needs the extra `monitor`: pip install 'auricle\[monitor\]'"):
        concept_drift(errors(0.1, 9), errors(0.1, 9), none(9))


def test_fifth_of_changed_labels_is_detected_within_500():
    found = 0
    for seed in range(20):
        reference_errors, rng = errors(0.14, 900, seed), np.random.default_rng(100 + seed)
        turned = np.where(rng.random(500) < 0.2, rng.random(500) < 5 / 6, errors(0.14, 500, 200 + seed))
        found += concept_drift(reference_errors, turned, none(500)).is_found
    assert found >= 18


def rise(increments, stream):
    return module._cusum_rise(increments, stream, least=0.0, rate=module.RATE)


def test_cusum_rarely_alarms_without_drift():
    streams = [(errors(0.14, 900, seed), errors(0.14, 5000, 100 + seed)) for seed in range(100)]
    found = [rise(module._cusum_increments(*both), both[1]) for both in streams]
    assert sum(one is not None for one in found) <= 1


def test_cusum_without_reference_never_alarms():
    assert rise(module._cusum_increments(errors(0.1, 0), errors(0.5, 100)), errors(0.5, 100)) is None
    assert rise(np.zeros(0), np.zeros(0)) is None


def test_rate_holds_for_the_whole_stream_and_all_detectors():
    """At a tenth for each label, HDDM_A alone raised an alarm in one of seven streams."""
    found = [concept_drift(errors(0.3, 900, s), errors(0.3, 800, 100 + s), none(800), rate=0.01) for s in range(60)]
    assert not any(one.is_found for one in found)


def test_start_of_a_late_rise_is_found():
    stream = np.concatenate([errors(0.1, 2000), errors(0.6, 60, 1)])
    found = concept_drift(errors(0.1, 800, 2), stream, none(2060))
    assert 2000 < found.label <= 2060
    assert found.after > 2.0 * found.before  # over all labels up to then, the mean is 0.11


def test_rise_too_small_to_act_on_is_no_drift():
    stream = np.tile(np.repeat([0.13, 0.17], 5), 1000)  # exact means: 0.15 against 0.12
    increments = np.full(len(stream), 0.01)
    assert rise(increments, stream) is not None
    assert module._cusum_rise(increments, stream, least=0.12 + module.MIN_RISE, rate=module.RATE) is None


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_unit_of_numbers_does_not_matter(rng, unit):
    usual, larger = np.abs(rng.normal(size=300)) * 0.02 * unit, np.abs(rng.normal(size=300)) * 0.06 * unit
    assert concept_drift(usual, larger, none(300)).is_found
    assert not concept_drift(usual, usual[::-1], none(300)).is_found


def relabelled(sample, part, seed=0):
    rng = np.random.default_rng(seed)
    other = np.array(sample.classes)[rng.integers(0, len(sample.classes), len(sample))]
    return replace(sample, truth=np.where(rng.random(len(sample)) < part, other, sample.truth))


def test_label_evidence_detects_earlier_than_errors(make_sample):
    reference, turned = make_sample(600, 1), relabelled(make_sample(500, 2), 0.3)
    by_errors, by_labels = (
        concept_drift(reference.losses, turned.losses, turned.times, log_ratios=log_ratios)
        for log_ratios in (None, label_evidence(reference, turned))
    )
    assert by_labels.detector == "CUSUM"
    assert by_labels.label < 150
    assert by_labels.label < (by_errors.label if by_errors.is_found else len(turned))


def test_unchanged_labels_are_no_evidence(make_sample):
    reference = make_sample(600, 1)
    samples = [make_sample(2000, seed) for seed in range(2, 32)]
    assert [rise(label_evidence(reference, one), one.losses) for one in samples] == [None] * 30


def test_correlated_errors_of_a_group_lower_the_evidence(make_sample):
    reference, labelled = make_sample(600, 1), make_sample(50, 2)
    blocks = np.repeat(np.arange(20), 30).astype(str)
    order = np.argsort(reference.is_correct)  # the mistakes are of one block
    run_errors = replace(reference.subset(order), groups=blocks)
    assert (label_evidence(run_errors, labelled) < label_evidence(reference, labelled)).all()


def test_label_not_seen_in_training_is_strong_evidence(make_sample):
    reference, labelled = make_sample(600, 1), make_sample(50, 2)
    strange = replace(labelled, truth=np.full(50, "goat"))
    assert (label_evidence(reference, strange) >= label_evidence(reference, labelled)).all()


def test_regression_has_no_label_evidence(make_sample):
    numbers = {"outputs": np.zeros((30, 1), np.float32), "truth": np.zeros(30), "classes": ()}
    assert label_evidence(*(replace(make_sample(30, seed), **numbers) for seed in (1, 2))) is None


def test_consecutive_errors_of_one_group_count_once():
    """One of 80 children with wrong predictions for all its cries within three minutes."""
    stream, groups = errors(0.05, 160), np.repeat(np.arange(80), 2).astype(str)
    stream[60:72] = 1.0
    groups[60:72] = "loud"
    assert concept_drift(errors(0.05, 500, 2), stream, none(160)).is_found
    assert not concept_drift(errors(0.05, 500, 2), stream, none(160), groups=groups).is_found


def test_alternating_or_few_groups_change_nothing():
    stream = np.concatenate([errors(0.1, 300), errors(0.35, 400, 1)])
    alone = concept_drift(errors(0.1, 500, 2), stream, none(700))
    for groups in (np.arange(700) % 50, np.arange(700) // 100, np.zeros(700)):
        assert concept_drift(errors(0.1, 500, 2), stream, none(700), groups=groups.astype(str)) == alone


def test_detected_label_is_the_last_of_its_run():
    stream, groups = np.repeat(errors(0.1, 700), 3), np.repeat(np.arange(700), 3).astype(str)
    stream[900:] = np.repeat(errors(0.5, 400, 1), 3)
    found = concept_drift(errors(0.1, 500, 2), stream, none(2100), groups=groups)
    assert found.label is not None
    assert found.label % 3 == 0
    assert 900 < found.label < 1500
