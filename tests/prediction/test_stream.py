from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import read
from auricle.datasets.dataset import Example
from auricle.datasets.feature_table import windows_of
from auricle.errors import AudioError, UsageError
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.records import Prediction

Hum = Callable[..., Samples]
Listening = Callable[[Predictor], tuple[Predictor, list[np.ndarray]]]


@pytest.fixture(scope="session")
def by_file(
    states: Predictor, sound_files: dict[str, Path], listening: Listening
) -> dict[str, tuple[Clip, list[Prediction], np.ndarray]]:
    """For each sound file: its sound, the answers to its windows, and the rows that they were answers to."""
    found = {}
    for name, path in sound_files.items():
        model, rows = listening(states)
        found[name] = (read(path), list(model.windows(path)), np.stack(rows))
    return found


@pytest.mark.parametrize("name", ["wav-8000-stereo", "wav-44100", "flac-48000-stereo", "ogg-11025", "aiff-6000"])
@settings(max_examples=12, deadline=None)
@given(fractions=st.lists(st.floats(0, 1), max_size=10))
def test_blocks_of_any_size_give_the_rows_and_answers_of_the_file(
    name: str, by_file, states: Predictor, listening: Listening, fractions: list[float]
) -> None:
    clip, expected, expected_rows = by_file[name]
    cuts = sorted(round(fraction * clip.samples.size) for fraction in fractions)  # some are empty
    model, rows = listening(states)
    got = list(model.stream(np.split(clip.samples, cuts), rate_hz=clip.rate_hz))
    np.testing.assert_array_equal(np.stack(rows), expected_rows)
    assert got == expected


@pytest.mark.parametrize("size", [1, 7, 63, 64, 255, 1600, 1601, 100_000])
@pytest.mark.parametrize("name", ["wav-8000", "wav-44100-stereo"])
def test_blocks_of_one_odd_size(size: int, name: str, by_file, states: Predictor, listening: Listening) -> None:
    clip, expected, expected_rows = by_file[name]
    samples = clip.samples if size > 1 else clip.samples[: 3 * clip.rate_hz // 10]
    if size == 1:
        model, rows = listening(states)
        expected, expected_rows = list(model.windows(Clip(samples, clip.rate_hz))), np.stack(rows)
    model, rows = listening(states)
    blocks = (samples[start : start + size] for start in range(0, samples.size, size))
    assert list(model.stream(blocks, rate_hz=clip.rate_hz)) == expected
    np.testing.assert_array_equal(np.stack(rows), expected_rows)


def test_training_sees_the_rows_that_predicting_sees(by_file, sound_files: dict[str, Path], states: Predictor) -> None:
    for name, path in sound_files.items():
        windows = windows_of(Example(path, "x", None, "g"), states.extractor)
        rows = np.stack([states.extractor.row(window.samples) for window in windows])
        np.testing.assert_array_equal(rows, by_file[name][2])


def test_a_recording_from_a_stream_is_the_files(by_file, states: Predictor, sound_files: dict[str, Path]) -> None:
    for name, (clip, _, _) in by_file.items():
        stream = Stream(states.loaded, rate_hz=clip.rate_hz)
        for block in np.array_split(clip.samples, 11):
            stream.push(block)
        stream.flush()
        assert stream.recording() == states.predict(sound_files[name])


def test_an_answer_comes_as_soon_as_its_last_sample_is_there(states: Predictor, hum: Hum) -> None:
    given: list[int] = []

    def blocks() -> Iterator[Samples]:
        for size in (1599, 1, 1599, 2):
            given.append(size)
            yield hum()[:size]

    answers = states.stream(blocks(), rate_hz=8000)
    assert next(answers).end_s == 0.2
    assert given == [1599, 1]
    assert next(answers).end_s == 0.4 - 1 / 8000 + 1 / 8000
    assert given == [1599, 1, 1599, 2]
    assert next(answers).end_s == pytest.approx(0.4 + 1 / 8000)
    assert next(answers, None) is None


def test_windows_before_a_fault_are_answered(states: Predictor, hum: Hum) -> None:
    answers = states.stream([hum(0.25), np.full(100, np.inf, np.float32)], rate_hz=8000)
    assert next(answers).end_s == 0.2
    with pytest.raises(AudioError, match="stream: every sample must be finite"):
        next(answers)


def test_a_stream_without_sound_gives_nothing(states: Predictor) -> None:
    none = np.empty(0, np.float32)
    assert list(states.stream([], rate_hz=8000)) == []
    assert list(states.stream([none, none], rate_hz=44_100)) == []
    with pytest.raises(AudioError, match=r"stream: an answer needs sound\. Got none"):
        Stream(states.loaded, rate_hz=8000).recording()


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
class TestBlocks:
    def test_float64_and_lists_are_heard_as_float32(self, rate_hz: int, states: Predictor, hum: Hum) -> None:
        sound = hum(0.3, rate_hz)
        expected = list(states.stream([sound], rate_hz=rate_hz))
        assert list(states.stream([sound.astype(np.float64)], rate_hz=rate_hz)) == expected
        assert list(states.stream([sound.tolist()], rate_hz=rate_hz)) == expected

    def test_whole_numbers_are_refused(self, rate_hz: int, states: Predictor, hum: Hum) -> None:
        loud = (hum() * 32_768).astype(np.int16)
        with pytest.raises(AudioError, match=r"stream: samples must be floating point, in \[-1, 1\]\. Got int16"):
            list(states.stream([loud], rate_hz=rate_hz))

    @pytest.mark.parametrize("shape", [(4000, 2), (1, 4000), ()])
    def test_more_than_one_channel_is_refused(self, rate_hz: int, shape: tuple[int, ...], states: Predictor) -> None:
        with pytest.raises(AudioError, match=r"stream: a block must be one channel, shape \(n,\)\. Got shape"):
            list(states.stream([np.ones(shape, np.float32)], rate_hz=rate_hz))


@pytest.mark.parametrize("rate_hz", [0, -8000])
def test_a_rate_is_at_least_one_hertz(rate_hz: int, states: Predictor, hum: Hum) -> None:
    with pytest.raises(UsageError, match=f"`rate_hz` must be at least 1 Hz. Got {rate_hz}"):
        list(states.stream([hum()], rate_hz=rate_hz))


def test_a_model_does_not_remember(states: Predictor, hum: Hum) -> None:
    first = list(states.stream([hum()], rate_hz=8000))
    list(states.stream([hum(seed=1)], rate_hz=8000))
    assert list(states.stream([hum()], rate_hz=8000)) == first


def test_its_rows_are_what_the_model_ate(states: Predictor, listening: Listening, hum: Hum) -> None:
    model, ate = listening(states)
    stream = Stream(model.loaded, rate_hz=8000)
    for block in np.array_split(hum(2.0), 7):
        stream.push(block)
    np.testing.assert_array_equal(stream.rows(), np.stack(ate))
    stream.push(hum(30.0))
    rows = stream.rows()
    assert 16 <= len(rows) <= 32 < len(ate)
    np.testing.assert_array_equal(rows, np.stack(ate)[:: len(ate) // len(rows)][: len(rows)])


def test_a_stream_is_many_recordings(states: Predictor, hum: Hum) -> None:
    whole = Stream(states.loaded, rate_hz=8000)
    windows = whole.push(hum(0.8))
    stream = Stream(states.loaded, rate_hz=8000)
    assert stream.push(hum(0.8)[:3200]) == windows[:2]
    first = stream.recording()
    stream.begin_recording()
    with pytest.raises(AudioError, match="Got none"):
        stream.recording()
    assert stream.push(hum(0.8)[3200:]) == windows[2:]
    second = stream.recording()
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 0.4, 0.4, 0.8)
    assert len(stream.rows()) == 2
    assert whole.recording().end_s == 0.8


def test_a_stream_is_cut_every_minute_and_at_its_end(states: Predictor, hum: Hum) -> None:
    heard: list[tuple[float, float, int]] = []

    def cut(stream: Stream) -> None:
        recording = stream.recording()
        heard.append((recording.start_s, recording.end_s, len(stream.rows())))

    blocks = [hum(8.0)] * 10
    windows = list(states.stream(blocks, rate_hz=8000, source="hall", cut=cut))
    assert windows == list(states.stream(blocks, rate_hz=8000))
    assert [(start_s, end_s) for start_s, end_s, _ in heard] == [(0.0, 64.0), (64.0, 80.0)]
    assert all(16 <= n_rows <= 32 for *_, n_rows in heard)
