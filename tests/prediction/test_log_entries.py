from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.prediction.log_entries import build_entry
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.runtime.clock import new_id


@pytest.fixture
def stream(states: Predictor, hum: Callable[..., Samples]) -> Stream:
    stream = Stream(states.loaded, rate_hz=8000, source="press/monday/0001.wav")
    stream.feed(hum(1.0))
    return stream


def test_an_entry_holds_the_prediction_and_the_input_rows(stream: Stream, states: Predictor) -> None:
    before = new_id()
    prediction = stream.finish()
    entry = build_entry(stream, prediction, channels=2, metadata={"site": "hall"})
    assert entry.predictions == (prediction,)
    assert entry.id > before
    assert datetime.now(UTC) - entry.time < timedelta(minutes=1)
    assert entry.model == states.name
    assert (entry.rate_hz, entry.channels) == (8000, 2)
    assert (entry.source, entry.group, entry.key) == ("press/monday/0001.wav", "press/monday", "")
    assert entry.metadata == {"site": "hall"}
    np.testing.assert_array_equal(entry.standard, stream.standard_row())
    np.testing.assert_array_equal(entry.rows, stream.rows())
    assert entry.rows.shape == (5, len(states.pipeline.columns))
    assert entry.rows.dtype == entry.standard.dtype == np.float32


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({}, "press/monday"),
        ({"source": "0001.wav"}, ""),
        ({"key": "k1"}, "k1"),
        ({"key": "k1", "group": "press"}, "press"),
        ({"group": ""}, ""),
    ],
)
def test_the_group_defaults_to_the_key_or_else_the_folder(stream: Stream, fields: dict[str, str], group: str) -> None:
    assert build_entry(stream, stream.finish(), **fields).group == group


def test_parts_follow_the_recording(states: Predictor, hum: Callable[..., Samples]) -> None:
    stream = Stream(states.loaded, rate_hz=8000)
    windows = stream.push(hum(0.4))
    requested_at = datetime(2024, 2, 29, tzinfo=UTC)
    entry = build_entry(stream, stream.recording(), parts=windows, time=requested_at)
    assert [prediction.level for prediction in entry.predictions] == ["recording", "window", "window"]
    assert entry.time == requested_at
    assert entry.source == "stream"
