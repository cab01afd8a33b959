"""Calibration drift: whether confidence still means what it meant."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.performance.calibration_drift import calibration_drift
from auricle.monitoring.performance.matched_reference import drawn_losses


def found(reference, labelled, icc=0.0):
    return calibration_drift(labelled, drawn_losses(reference, labelled, 2000, 0), icc=icc)


def with_wrong_confident(sample, share, seed=0):
    """Make a share of the more confident half wrong."""
    other = np.array(sample.classes)[(sample.predicted + 1) % len(sample.classes)]
    wrong = sample.confidence >= np.median(sample.confidence)
    wrong &= np.random.default_rng(seed).random(len(sample)) < share
    return replace(sample, truth=np.where(wrong, other, sample.truth))


def test_confident_predictions_that_became_wrong_are_found(make_sample):
    drift = found(make_sample(600), with_wrong_confident(make_sample(200, 1), 0.4))
    assert drift.drifted(0.001)
    assert drift.accuracy < drift.expected - 0.2
    assert drift.confidence > 0.8


def test_unchanged_labels_rarely_seem_miscalibrated(make_sample):
    reference = make_sample(600)
    p = np.array([found(reference, make_sample(100, seed)).p for seed in range(1, 41)])
    assert (p <= 0.05).mean() <= 0.15
    assert p.min() > 0.001


def test_labels_of_doubtful_predictions_are_no_drift(make_sample):
    sample = make_sample(600, 1)
    assert not found(make_sample(600), sample.subset(np.argsort(sample.confidence)[:60])).drifted(0.001)


def test_few_sources_need_more_evidence(make_sample):
    reference, labelled = make_sample(600), with_wrong_confident(make_sample(200, 1), 0.4)
    by_machine = replace(labelled, groups=(np.arange(200) % 3).astype(str))
    p = [found(reference, labelled).p, *(found(reference, by_machine, icc).p for icc in (0.05, 0.3))]
    assert p == sorted(p)
    assert p[0] < 0.001 < p[2]


def test_a_stretch_of_training_without_errors_is_not_certain(make_sample):
    """Seven errors of 20 against none of 19: p = 0.005 by Fisher's exact test."""
    sample = make_sample(200)
    confidence = np.sort(sample.confidence)
    outputs = np.column_stack([confidence, *2 * [(1 - confidence) / 2]]).astype(np.float32)
    truth = np.where((np.arange(200) % 5 == 0) & (np.abs(np.arange(200) - 100) > 10), "cow", "cat")
    reference = replace(sample, outputs=outputs, truth=truth)
    labelled = reference.subset(np.arange(90, 110))
    errors = replace(labelled, truth=np.where(np.arange(20) < 7, "cow", "cat"))
    assert not found(reference, errors).drifted(0.001)
    assert found(reference, replace(labelled, truth=np.full(20, "cow"))).drifted(0.001)


@pytest.mark.parametrize("n", [0, 9])
def test_too_few_labels_say_nothing(make_sample, n):
    labelled = make_sample(40, 1).subset(np.arange(n))
    assert calibration_drift(labelled, np.zeros((10, n))) is None
