"""What a sound costs is foretold from its length, the hop and the model, and bounded."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import UsageError
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest
from auricle.prediction.stream import Stream
from auricle.serving.inference.cost import ModelCost
from auricle.serving.settings import Settings

RATE_HZ = 8000
COST = ModelCost(window_seconds=0.001, window_bytes=400, golden_s=0.2)


def stream(states: Predictor, hop_s: float | None = None) -> Stream:
    return Stream(states.loaded, rate_hz=RATE_HZ, hop_s=hop_s)


def test_a_window_is_measured(states: Predictor) -> None:
    cost = ModelCost.measure(states.loaded)
    assert 0 < cost.window_seconds < 1
    assert 100 < cost.window_bytes < 2000
    assert cost.golden_s == pytest.approx(0.2)


@given(n_samples=st.integers(2000, 30_000), hop_s=st.sampled_from([None, 0.05, 0.13, 0.2]))
def test_the_number_of_windows_is_foretold(states: Predictor, n_samples: int, hop_s: float | None) -> None:
    counted = stream(states, hop_s)
    foretold = counted.count_windows(n_samples / RATE_HZ)
    sound = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    assert abs(len([*counted.push(sound), *counted.flush()]) - foretold) <= 1


@pytest.mark.parametrize(
    ("request_", "is_admin", "limits", "allowed"),
    [
        (PredictionRequest(hop_s=0.008), False, {}, 20_000),
        (PredictionRequest(hop_s=0.008), True, {"max_predict_s": 60.0}, 30_000),
        (PredictionRequest(hop_s=0.05), False, {"max_predict_s": 10.0}, 5_000),
        (PredictionRequest(windows=True), False, {}, 2_500),
        (PredictionRequest(windows=True, hop_s=0.05), False, {"max_reply_bytes": 4_000}, 10),
        (PredictionRequest(windows=True), False, {"max_reply_bytes": 1}, 1),
    ],
)
def test_the_longest_sound_has_as_many_windows_as_are_allowed(
    states: Predictor,
    request_: PredictionRequest,
    is_admin: bool,  # noqa: FBT001
    limits: dict[str, Any],
    allowed: int,
) -> None:
    settings, asked = Settings.model_validate(limits), stream(states, request_.hop_s)
    longest_s = COST.longest_s(asked, request_, settings, is_admin=is_admin)
    assert abs(asked.count_windows(longest_s) - allowed) <= 1
    assert COST.expected_s(asked, longest_s) == pytest.approx(0.001 * allowed, rel=0.01, abs=0.002)
    message = str(COST.refusal(asked, request_, settings, is_admin=is_admin))
    assert f"may be at most {allowed}: with `hop_s` " in message
    assert f"a sound of {longest_s:.1f} s" in message


def test_a_common_sound_is_cheap(states: Predictor) -> None:
    assert COST.expected_s(stream(states), 60.0) < 1
    assert COST.longest_s(stream(states), PredictionRequest(), Settings(), is_admin=False) > 600


def test_a_stream_must_leave_time_for_others(states: Predictor) -> None:
    COST.check_stream(stream(states))
    with pytest.raises(UsageError, match=r"`hop_s` of a stream must be at least 0\.1 for this model"):
        replace(COST, window_seconds=0.05).check_stream(stream(states, 0.05))
