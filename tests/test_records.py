"""Predictions and qualities as JSON, and the comparison of log entries."""

import json
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from auricle.records import Entry, Prediction, Quality
from auricle.runtime.clock import new_id, now

QUALITY = Quality(-20.123456, -3.0, 0.0, 0.25, 0.5, -60.0, 40.0, 7999.99999, 12.0, 0.0, 4.0, 0.0, 0.0, 20.0, 10.0)


def test_a_classifiers_prediction_as_json() -> None:
    prediction = Prediction(
        "window",
        0.1 + 0.2,
        1.23456789,
        "motor@0123456789ab",
        label="worn",
        probabilities={"fine": 0.25, "worn": 0.75},
        confidence=0.75,
        quality=QUALITY,
    )
    expected = {
        "level": "window",
        "start_s": 0.3,
        "end_s": 1.234568,
        "label": "worn",
        "confidence": 0.75,
        "probabilities": {"fine": 0.25, "worn": 0.75},
        "quality": QUALITY.as_json(),
        "model": "motor@0123456789ab",
    }
    shown = prediction.as_json()
    assert shown | expected == shown
    assert "value" not in shown


@pytest.mark.parametrize("value", [0.0, -3.5, 1e300])
def test_a_regressors_prediction_as_json(value: float) -> None:
    prediction = Prediction("recording", 0.0, 1.0, "motor@0123456789ab", value=value)
    assert prediction.as_json() == {
        "level": "recording",
        "start_s": 0.0,
        "end_s": 1.0,
        "value": value,
        "unknown": False,
        "novelty": None,
        "model": "motor@0123456789ab",
    }
    assert json.loads(json.dumps(prediction.as_json(), allow_nan=False))["value"] == value


def test_an_interval_is_part_of_the_json() -> None:
    prediction = Prediction("recording", 0.0, 1.0, "m", value=5.0, interval=(3.0, 7.0), novelty=1.5, unknown=True)
    assert prediction.as_json() | {"model": ""} == {
        "level": "recording",
        "start_s": 0.0,
        "end_s": 1.0,
        "value": 5.0,
        "interval": [3.0, 7.0],
        "unknown": True,
        "novelty": 1.5,
        "model": "",
    }


def test_qualities_are_rounded() -> None:
    shown = QUALITY.as_json()
    assert list(shown) == [field.name for field in fields(Quality)]
    assert shown["level_db"] == -20.1235
    assert shown["bandwidth_hz"] == 8000.0


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        QUALITY.dc = 1.0
    with pytest.raises(FrozenInstanceError):
        Prediction("window", 0.0, 1.0, "m").label = "x"


def test_entries_are_compared_without_their_arrays() -> None:
    prediction = Prediction("recording", 0.0, 1.0, "motor@0123456789ab", label="worn")
    identity, time = new_id(), now()
    first, second = (
        Entry(
            identity, time, prediction.model, (prediction,), np.full(3, fill, np.float32), np.zeros((1, 3), np.float32)
        )
        for fill in (0.0, 1.0)
    )
    assert first == second
    assert first.recording is prediction
    with pytest.raises(FrozenInstanceError):
        first.group = "site"
