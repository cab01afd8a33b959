from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.clock import new_id
from auricle.prediction.entries import entry
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream


@pytest.fixture
def heard(states: Predictor, hum: Callable[..., Samples]) -> Stream:
    stream = Stream(states, rate_hz=8000, source="press/monday/0001.wav")
    stream.listen(hum(1.0))
    return stream


def test_it_keeps_the_answer_and_what_the_model_ate(heard: Stream, states: Predictor) -> None:
    before = new_id()
    answer = heard.finish()
    kept = entry(heard, answer, channels=2, metadata={"site": "hall"}, audio="ab" * 32)
    assert kept.predictions == (answer,)
    assert kept.id > before
    assert datetime.now(UTC) - kept.time < timedelta(minutes=1)
    assert kept.model == states.name
    assert (kept.rate_hz, kept.channels) == (8000, 2)
    assert (kept.source, kept.group, kept.key) == ("press/monday/0001.wav", "press/monday", "")
    assert kept.metadata == {"site": "hall"}
    assert kept.audio == "ab" * 32
    np.testing.assert_array_equal(kept.standard, heard.standard_row())
    np.testing.assert_array_equal(kept.rows, heard.rows())
    assert kept.rows.shape == (5, len(states.extractor.columns))
    assert kept.rows.dtype == kept.standard.dtype == np.float32


@pytest.mark.parametrize(
    ("told", "group"),
    [
        ({}, "press/monday"),
        ({"source": "0001.wav"}, ""),
        ({"key": "k1"}, "k1"),
        ({"key": "k1", "group": "press"}, "press"),
        ({"group": ""}, ""),
    ],
)
def test_its_group_is_what_was_told_or_the_key_or_the_folder(heard: Stream, told: dict[str, str], group: str) -> None:
    assert entry(heard, heard.finish(), **told).group == group


def test_parts_follow_the_recording(states: Predictor, hum: Callable[..., Samples]) -> None:
    stream = Stream(states, rate_hz=8000)
    windows = stream.push(hum(0.4))
    asked = datetime(2024, 2, 29, tzinfo=UTC)
    kept = entry(stream, stream.recording(), parts=windows, time=asked)
    assert [prediction.level for prediction in kept.predictions] == ["recording", "window", "window"]
    assert kept.time == asked
    assert kept.source == "stream"
