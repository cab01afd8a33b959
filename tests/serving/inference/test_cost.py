"""What a sound costs is foretold from its length, the hop and the model, and bounded."""

from dataclasses import replace

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
    ("duration_s", "request_", "options", "limits", "allowed"),
    [
        (300.0, PredictionRequest(hop_s=0.008), {}, {}, 20_000),
        (300.0, PredictionRequest(hop_s=0.008), {"is_admin": True}, {"max_predict_s": 60.0}, 30_000),
        (600.0, PredictionRequest(hop_s=0.05), {}, {"max_predict_s": 10.0}, 5_000),
        (600.0, PredictionRequest(windows=True), {}, {}, 2_500),
        (10.0, PredictionRequest(windows=True, hop_s=0.05), {}, {"max_reply_bytes": 4_000}, 10),
    ],
)
def test_what_is_beyond_a_limit_is_refused_with_the_number_allowed(
    states: Predictor, duration_s: float, request_: PredictionRequest, options: dict, limits: dict, allowed: int
) -> None:
    settings = Settings.model_validate(limits)
    asked = stream(states, request_.hop_s)
    with pytest.raises(UsageError, match=rf"at most {allowed} windows") as refused:
        COST.check(asked, duration_s, request_, settings, **{"is_admin": False} | options)
    hop_s = float(str(refused.value).split("at least ")[1].split(",")[0])
    if hop_s <= 0.2:  # the window; the hop that the message names is enough
        fits = replace(request_, hop_s=hop_s)
        assert COST.check(stream(states, hop_s), duration_s, fits, settings, **{"is_admin": False} | options) > 0


def test_a_common_sound_is_cheap(states: Predictor) -> None:
    assert COST.check(stream(states), 60.0, PredictionRequest(windows=True), Settings(), is_admin=False) < 1


def test_a_stream_must_leave_time_for_others(states: Predictor) -> None:
    COST.check_stream(stream(states))
    with pytest.raises(UsageError, match=r"`hop_s` of a stream must be at least 0\.1 for this model"):
        replace(COST, window_seconds=0.05).check_stream(stream(states, 0.05))
