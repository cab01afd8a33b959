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
RecordRows = Callable[[Predictor], tuple[Predictor, list[np.ndarray]]]


@pytest.fixture(scope="session")
def by_file(
    states: Predictor, sound_files: dict[str, Path], record_rows: RecordRows
) -> dict[str, tuple[Clip, list[Prediction], np.ndarray]]:
    """For each sound file: its clip, the predictions of its windows, and their input rows."""
    found = {}
    for name, path in sound_files.items():
        model, rows = record_rows(states)
        found[name] = (read(path), list(model.windows(path)), np.stack(rows))
    return found


@pytest.mark.parametrize("name", ["wav-8000-stereo", "wav-44100", "flac-48000-stereo", "ogg-11025", "aiff-6000"])
@settings(max_examples=12, deadline=None)
@given(fractions=st.lists(st.floats(0, 1), max_size=10))
def test_blocks_of_any_size_give_the_rows_and_predictions_of_the_file(
    name: str, by_file, states: Predictor, record_rows: RecordRows, fractions: list[float]
) -> None:
    clip, expected, expected_rows = by_file[name]
    cuts = sorted(round(fraction * clip.samples.size) for fraction in fractions)  # some are empty
    model, rows = record_rows(states)
    got = list(model.stream(np.split(clip.samples, cuts), rate_hz=clip.rate_hz))
    np.testing.assert_array_equal(np.stack(rows), expected_rows)
    assert got == expected


@pytest.mark.parametrize("size", [1, 7, 63, 64, 255, 1600, 1601, 100_000])
@pytest.mark.parametrize("name", ["wav-8000", "wav-44100-stereo"])
def test_blocks_of_one_odd_size(size: int, name: str, by_file, states: Predictor, record_rows: RecordRows) -> None:
    clip, expected, expected_rows = by_file[name]
    samples = clip.samples if size > 1 else clip.samples[: 3 * clip.rate_hz // 10]
    if size == 1:
        model, rows = record_rows(states)
        expected, expected_rows = list(model.windows(Clip(samples, clip.rate_hz))), np.stack(rows)
    model, rows = record_rows(states)
    blocks = (samples[start : start + size] for start in range(0, samples.size, size))
    assert list(model.stream(blocks, rate_hz=clip.rate_hz)) == expected
    np.testing.assert_array_equal(np.stack(rows), expected_rows)


def test_training_and_prediction_compute_the_same_rows(
    by_file, sound_files: dict[str, Path], states: Predictor
) -> None:
    for name, path in sound_files.items():
        windows = windows_of(Example(path, "x", None, "g"), states.pipeline)
        rows = np.stack([states.pipeline.row(window.samples) for window in windows])
        np.testing.assert_array_equal(rows, by_file[name][2])


def test_a_recording_predicted_from_a_stream_equals_the_files(
    by_file, states: Predictor, sound_files: dict[str, Path]
) -> None:
    for name, (clip, _, _) in by_file.items():
        stream = Stream(states.loaded, rate_hz=clip.rate_hz)
        for block in np.array_split(clip.samples, 11):
            stream.push(block)
        stream.flush()
        assert stream.recording() == states.predict(sound_files[name])


def test_a_window_is_predicted_as_soon_as_its_last_sample_arrives(states: Predictor, hum: Hum) -> None:
    pushed: list[int] = []

    def blocks() -> Iterator[Samples]:
        for size in (1599, 1, 1599, 2):
            pushed.append(size)
            yield hum()[:size]

    predictions = states.stream(blocks(), rate_hz=8000)
    assert next(predictions).end_s == 0.2
    assert pushed == [1599, 1]
    assert next(predictions).end_s == 0.4 - 1 / 8000 + 1 / 8000
    assert pushed == [1599, 1, 1599, 2]
    assert next(predictions).end_s == pytest.approx(0.4 + 1 / 8000)
    assert next(predictions, None) is None


def test_windows_before_an_invalid_block_are_predicted(states: Predictor, hum: Hum) -> None:
    predictions = states.stream([hum(0.25), np.full(100, np.inf, np.float32)], rate_hz=8000)
    assert next(predictions).end_s == 0.2
    with pytest.raises(AudioError, match="stream: every sample must be finite"):
        next(predictions)


def test_a_stream_without_sound_has_no_windows(states: Predictor) -> None:
    none = np.empty(0, np.float32)
    assert list(states.stream([], rate_hz=8000)) == []
    assert list(states.stream([none, none], rate_hz=44_100)) == []
    with pytest.raises(AudioError, match=r"stream: a prediction needs sound\. Got none"):
        Stream(states.loaded, rate_hz=8000).recording()


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
class TestBlocks:
    def test_float64_and_lists_are_taken_as_float32(self, rate_hz: int, states: Predictor, hum: Hum) -> None:
        sound = hum(0.3, rate_hz)
        expected = list(states.stream([sound], rate_hz=rate_hz))
        assert list(states.stream([sound.astype(np.float64)], rate_hz=rate_hz)) == expected
        assert list(states.stream([sound.tolist()], rate_hz=rate_hz)) == expected

    def test_integer_samples_are_refused(self, rate_hz: int, states: Predictor, hum: Hum) -> None:
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


def test_a_model_keeps_no_state_between_streams(states: Predictor, hum: Hum) -> None:
    first = list(states.stream([hum()], rate_hz=8000))
    list(states.stream([hum(seed=1)], rate_hz=8000))
    assert list(states.stream([hum()], rate_hz=8000)) == first


def test_sampled_rows_are_input_rows_of_the_model(states: Predictor, record_rows: RecordRows, hum: Hum) -> None:
    model, input_rows = record_rows(states)
    stream = Stream(model.loaded, rate_hz=8000)
    for block in np.array_split(hum(2.0), 7):
        stream.push(block)
    np.testing.assert_array_equal(stream.rows(), np.stack(input_rows))
    stream.push(hum(30.0))
    rows = stream.rows()
    assert 16 <= len(rows) <= 32 < len(input_rows)
    np.testing.assert_array_equal(rows, np.stack(input_rows)[:: len(input_rows) // len(rows)][: len(rows)])


def test_a_stream_can_be_many_recordings(states: Predictor, hum: Hum) -> None:
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
    recordings: list[tuple[float, float, int]] = []

    def cut(stream: Stream) -> None:
        recording = stream.recording()
        recordings.append((recording.start_s, recording.end_s, len(stream.rows())))

    blocks = [hum(8.0)] * 10
    windows = list(states.stream(blocks, rate_hz=8000, source="hall", cut=cut))
    assert windows == list(states.stream(blocks, rate_hz=8000))
    assert [(start_s, end_s) for start_s, end_s, _ in recordings] == [(0.0, 64.0), (64.0, 80.0)]
    assert all(16 <= n_rows <= 32 for *_, n_rows in recordings)
