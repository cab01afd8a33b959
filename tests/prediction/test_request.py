from pathlib import Path

import pytest

from auricle.errors import UsageError
from auricle.prediction.events import EventRules, Events
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.records import Prediction

RULES = EventRules(on=0.4)


@pytest.fixture
def batches(states: Predictor, machine_sounds: Path) -> list[list[Prediction]]:
    windows = list(states.windows(machine_sounds.parent / "clips" / "0001.wav", hop_s=0.1))
    return [windows[:3], [], windows[3:]]


def test_windows_come_before_the_events_that_end_in_them(states: Predictor, batches: list[list[Prediction]]) -> None:
    found = Events(states.loaded, RULES)
    expected = [one for some in batches for one in (*some, *found.push(some))] + found.flush()
    levels = RequestedLevels(states.loaded, PredictionRequest(windows=True, events=RULES))
    assert list(levels.over(batches)) == expected
    assert {one.level for one in expected} == {"window", "event"}


@pytest.mark.parametrize(
    ("request_", "level"),
    [(PredictionRequest(windows=True), "window"), (PredictionRequest(events=RULES), "event")],
)
def test_only_the_requested_level_is_returned(
    request_: PredictionRequest, level: str, states: Predictor, batches: list[list[Prediction]]
) -> None:
    assert {one.level for one in RequestedLevels(states.loaded, request_).over(batches)} == {level}


def test_announced_events_come_as_they_begin(states: Predictor, batches: list[list[Prediction]]) -> None:
    events = list(RequestedLevels(states.loaded, PredictionRequest(events=RULES), announce=True).over(batches))
    assert {one.ongoing for one in events} == {True, False}


def test_a_request_that_does_not_fit_the_model_is_refused(states: Predictor, speeds: Predictor) -> None:
    with pytest.raises(UsageError, match="`hop_s` must be above 0"):
        PredictionRequest(hop_s=9.0).check(states.loaded)
    with pytest.raises(UsageError, match="Events need classes"):
        PredictionRequest(events=RULES).check(speeds.loaded)
    PredictionRequest(windows=True).check(speeds.loaded)


def test_is_recording_only_without_windows_and_events() -> None:
    assert PredictionRequest(hop_s=0.1).is_recording_only
    assert not PredictionRequest(windows=True).is_recording_only
    assert not PredictionRequest(events=RULES).is_recording_only


def test_as_json_holds_plain_values() -> None:
    assert PredictionRequest(hop_s=0.1).as_json() == {"windows": False, "events": None, "hop_s": 0.1}
    assert PredictionRequest(events=EventRules()).as_json()["events"]["smooth"] == 1
