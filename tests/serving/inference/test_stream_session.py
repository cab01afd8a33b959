"""Samples in pieces of any size: the predictions of a file, and an entry with its sound at every cut."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.errors import AudioError, UsageError
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest
from auricle.serving.inference.cost import ModelCost
from auricle.serving.inference.memory import MemoryBudget
from auricle.serving.inference.sound import SoundOrigin
from auricle.serving.inference.stream_session import StreamSession
from auricle.serving.settings import Settings

Open = Callable[..., StreamSession]
ORIGIN = SoundOrigin(source="pump.raw", key="abcd2345", metadata={"group": "pump 7", "depth": 3.0})

COST = ModelCost(window_seconds=0.001, window_bytes=400, golden_s=0.2)


@pytest.fixture
def samples(sound_file: Callable[..., bytes]) -> np.ndarray:
    return read(sound_file(1.3)).samples


@pytest.fixture
def open_session(states: Predictor) -> Open:
    def make(
        sample_format: str = "f32", *, hop_s: float | None = None, budget: MemoryBudget | None = None, **settings: Any
    ) -> StreamSession:
        return StreamSession(
            states.loaded,
            rate_hz=8000,
            sample_format=sample_format,
            request=PredictionRequest(windows=True, hop_s=hop_s),
            origin=ORIGIN,
            settings=Settings(**{"keep_audio": "all", "stream_cut_s": 0.5} | settings),
            cost=COST,
            memory_budget=budget or MemoryBudget(1_000_000),
        )

    return make


def encoded(samples: np.ndarray, sample_format: str = "f32") -> bytes:
    if sample_format == "f32":
        return samples.astype("<f4").tobytes()
    bits = int(sample_format[1:])
    return (samples.astype(np.float64) * 2.0 ** (bits - 1)).astype(f"<i{bits // 8}").tobytes()


@pytest.mark.parametrize(("sample_format", "size"), [("s16", 1), ("s16", 801), ("s32", 7), ("f32", 100_000)])
def test_predictions_equal_those_of_a_file(
    open_session: Open, states: Predictor, samples: np.ndarray, sample_format: str, size: int
) -> None:
    content = encoded(samples, sample_format)
    if size == 1:
        content = content[: 2 * 1700]
    session = open_session(sample_format, stream_cut_s=60.0)
    found = []
    for start in range(0, len(content), size):
        found += session.push(content[start : start + size])
    found += session.end()
    n_samples = len(content) * 8 // int(sample_format[1:])
    exact = samples[:n_samples] if sample_format != "s16" else np.frombuffer(content, "<i2") / np.float32(2**15)
    expected = states.stream([exact.astype(np.float32)], rate_hz=8000)
    assert json.loads(json.dumps(found)) == [json.loads(json.dumps(one.as_json())) for one in expected]
    assert session.n_samples == n_samples


def test_every_cut_is_an_entry_of_the_sound_since_the_last(open_session: Open, samples: np.ndarray) -> None:
    session = open_session()
    cuts, bounds = [], [0]
    for block in np.array_split(samples, 13):
        session.push(encoded(block))
        if session.is_due:
            cuts.append(session.cut())
            bounds.append(session.n_samples)
            assert not session.is_due
    session.end()
    cuts.append(session.cut())
    bounds.append(session.n_samples)
    assert [cut is not None for cut in cuts] == [True] * 3
    assert session.cut() is None  # nothing came since
    sounds = [read(sound).samples for _, sound in cuts]
    for i, (entry, _) in enumerate(cuts):
        np.testing.assert_array_equal(sounds[i], samples[bounds[i] : bounds[i + 1]])
        assert (entry.source, entry.key, entry.group) == ("pump.raw", "abcd2345", "pump 7")
        assert dict(entry.metadata) == ORIGIN.metadata
    assert cuts[-1][0].recording.end_s == pytest.approx(1.3)


def test_long_entries_keep_no_sound(open_session: Open, samples: np.ndarray) -> None:
    session = open_session(keep_review_s=0.7, stream_cut_s=1.0)
    sounds = []
    for block in np.split(samples, [4000, 8000]):  # one stretch of 1 s, and one of 0.3 s
        session.push(encoded(block))
        if session.is_due:
            assert session._blocks == []  # nor holds it in memory until then
            sounds.append(session.cut()[1])
    session.end()
    sounds.append(session.cut()[1])
    assert sounds[0] is None
    np.testing.assert_array_equal(read(sounds[1]).samples, samples[8000:])


def test_a_setting_keeps_no_sound(open_session: Open, samples: np.ndarray) -> None:
    session = open_session(keep_audio="none")
    session.push(encoded(samples))
    assert session.cut()[1] is None


def test_silence_is_no_entry_and_what_follows_is_one(open_session: Open, samples: np.ndarray) -> None:
    session = open_session()
    assert [window["level"] for window in session.push(bytes(4 * 8000))] == ["window"] * 5
    assert session.cut() is None
    session.push(encoded(samples[:4000]))
    entry, sound = session.cut()
    np.testing.assert_array_equal(read(sound).samples, samples[:4000])
    assert entry.recording.start_s >= 0.8


def test_samples_must_be_finite(open_session: Open) -> None:
    with pytest.raises(AudioError, match="finite"):
        open_session().push(encoded(np.array([0.1, np.nan])))


@pytest.mark.parametrize(("sample_format", "hop_s"), [("u8", None), ("s16", 99.0)])
def test_what_does_not_fit_is_refused(open_session: Open, sample_format: str, hop_s: float | None) -> None:
    with pytest.raises(UsageError):
        open_session(sample_format, hop_s=hop_s)


def test_pieces_of_a_message_are_the_message(open_session: Open) -> None:
    session, content = open_session("s16"), bytes(range(256)) * 2000
    pieces = list(session.pieces(content))
    assert b"".join(pieces) == content
    assert len(pieces) > 1  # of a tenth of a second of work, at a millisecond a window


def test_sound_beyond_the_budget_is_not_kept_and_the_stream_goes_on(open_session: Open) -> None:
    noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32) / 10
    budget = MemoryBudget(2 * 4 * 3000)  # half of it for streams: 3,000 samples
    session = open_session(budget=budget)
    session.push(encoded(noise[:2000]))
    assert budget.used_bytes == 8000
    assert session.push(encoded(noise[2000:])) != []
    assert budget.used_bytes == 0
    cut = session.cut()
    assert cut is not None
    assert cut[1] is None
    session.push(encoded(noise[:2000]))  # the next entry has room again
    assert budget.used_bytes == 8000
    session.close()
    assert budget.used_bytes == 0
