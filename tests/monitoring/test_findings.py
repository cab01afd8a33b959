"""Findings: sample sizes, drift without a cause, and one sentence per quantity."""

from dataclasses import replace

import pytest

from auricle.monitoring.findings import Findings
from auricle.monitoring.performance.calibration_drift import CalibrationDrift
from auricle.monitoring.performance.concept_drift import ConceptDrift
from auricle.monitoring.performance.estimated_performance import EstimatedPerformance
from auricle.monitoring.performance.measured_performance import MeasuredPerformance

REFUSED = EstimatedPerformance("accuracy", None, None, reference=0.9, apart=0.97, reason="Cannot say how good.")


def measured(n, value=0.9, unheard=None):
    return MeasuredPerformance(
        score="accuracy",
        n=n,
        coverage=1.0,
        lag_s=None,
        value=value,
        interval=(value - 0.02, value + 0.02),
        reference=0.9,
        reference_interval=(0.88, 0.92),
        parts=(),
        concept=ConceptDrift(),
        unheard=unheard or {},
        p_worse=0.0 if value < 0.9 else 0.5,
        calibration=None,
        rate=0.001,
        n_reference=300,
    )


@pytest.mark.parametrize(("n", "warnings"), [(0, ["Cannot say how good."]), (5, ["Cannot say how good."]), (200, [])])
def test_refused_estimate_is_a_warning_only_without_enough_labels(n, warnings):
    findings = Findings()
    findings.add_performance(REFUSED, measured(n) if n else None)
    assert findings.warnings == warnings
    assert findings.alarms == []


def test_worse_measured_accuracy_is_an_alarm():
    findings = Findings()
    findings.add_performance(None, measured(200, 0.7, {"owl": 3}))
    assert findings.alarms == [
        "Accuracy is 0.7 (95% interval 0.68 to 0.72, 200 labels), against 0.9 on the training data (out of fold)."
    ]
    assert findings.warnings == ["Labels not seen in training: 'owl' (3)."]
    assert findings.kinds == ["worse", "new_class"]


def test_miscalibration_is_an_alarm():
    findings, drift = Findings(), CalibrationDrift(1e-6, confidence=0.92, accuracy=0.7, expected=0.93, n=40)
    findings.add_performance(None, replace(measured(200), calibration=drift))
    (alarm,) = findings.alarms
    assert alarm == (
        "Confidence no longer means what it meant: predictions of 92% confidence are right in 70% (40 labels), against "
        "93% in training."
    )
    assert findings.kinds == ["calibration"]


def test_low_estimate_is_a_warning():
    findings = Findings()
    findings.add_performance(EstimatedPerformance("accuracy", 0.7, (0.65, 0.75), reference=0.9, apart=0.6), None)
    assert findings.warnings == ["The accuracy is estimated at 0.7, against 0.9 on the training data (out of fold)."]
    assert findings.kinds == ["far"]


def test_small_samples_are_not_compared(make_sample):
    few, enough = make_sample(12), make_sample(60, 1)
    assert Findings().check_sizes(enough, enough)
    assert not Findings().check_sizes(enough, few)
    findings = Findings()
    assert not findings.check_sizes(few, enough)
    assert findings.warnings[0].startswith("The model was trained on 12 recordings")
