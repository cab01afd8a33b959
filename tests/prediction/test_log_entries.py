from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clip import Samples
from auricle.prediction.log_entries import MOST_ROWS, RowSampler, build_entry
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.runtime.clock import new_id


@pytest.fixture
def heard(states: Predictor, hum: Callable[..., Samples]) -> Stream:
    stream = Stream(states.loaded, rate_hz=8000, source="press/monday/0001.wav")
    stream.feed(hum(1.0))
    return stream


def test_it_keeps_the_answer_and_what_the_model_ate(heard: Stream, states: Predictor) -> None:
    before = new_id()
    answer = heard.finish()
    kept = build_entry(heard, answer, channels=2, metadata={"site": "hall"})
    assert kept.predictions == (answer,)
    assert kept.id > before
    assert datetime.now(UTC) - kept.time < timedelta(minutes=1)
    assert kept.model == states.name
    assert (kept.rate_hz, kept.channels) == (8000, 2)
    assert (kept.source, kept.group, kept.key) == ("press/monday/0001.wav", "press/monday", "")
    assert kept.metadata == {"site": "hall"}
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
    assert build_entry(heard, heard.finish(), **told).group == group


def test_parts_follow_the_recording(states: Predictor, hum: Callable[..., Samples]) -> None:
    stream = Stream(states.loaded, rate_hz=8000)
    windows = stream.push(hum(0.4))
    asked = datetime(2024, 2, 29, tzinfo=UTC)
    kept = build_entry(stream, stream.recording(), parts=windows, time=asked)
    assert [prediction.level for prediction in kept.predictions] == ["recording", "window", "window"]
    assert kept.time == asked
    assert kept.source == "stream"


def thinned(n: int, most: int = MOST_ROWS) -> list[int]:
    some = RowSampler(most)
    for number in range(n):
        some.add(np.array([number], np.float32))
    return [int(row[0]) for row in some.rows()]


@pytest.mark.parametrize(
    ("n", "kept"),
    [(0, []), (1, [0]), (4, [0, 1, 2, 3]), (5, [0, 2, 4]), (7, [0, 2, 4, 6]), (8, [0, 2, 4, 6]), (9, [0, 4, 8])],
)
def test_every_other_one_goes_when_they_are_too_many(n: int, kept: list[int]) -> None:
    assert thinned(n, most=4) == kept


@given(st.integers(1, 5000))
def test_they_are_evenly_spread_over_all_that_came(n: int) -> None:
    kept = thinned(n)
    assert min(n, MOST_ROWS // 2) <= len(kept) <= MOST_ROWS
    steps = set(np.diff(kept))
    assert len(steps) <= 1
    assert kept[0] == 0
    assert n - kept[-1] <= max(steps, default=1)
