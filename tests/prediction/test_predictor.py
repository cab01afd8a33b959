import copy
import io
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import read
from auricle.audio.decoding.libsndfile import Decoder
from auricle.bundles.aggregation import calibrate, log_probabilities, pool, predicted_class
from auricle.datasets.dataset import Example
from auricle.datasets.feature_table import windows_of
from auricle.datasets.one_pass import run_pass
from auricle.datasets.outputs import WindowRows
from auricle.errors import AudioError, BundleError, FeatureError, UsageError
from auricle.prediction.events import EventRules
from auricle.prediction.predictor import Predictor, load
from auricle.runtime.compute import parallel_map

Hum = Callable[..., Samples]


def test_a_recordings_log_probabilities_are_the_mean_of_its_windows(states: Predictor, sound_file: Path) -> None:
    recording, windows = states.answers(sound_file)
    calibration = states.bundle.manifest.calibration
    logs = np.log([[window.probabilities[name] for name in states.classes] for window in windows])
    expected = calibrate(logs.mean(axis=0) * calibration.window.temperature, calibration.recording)
    got = np.array([recording.probabilities[name] for name in states.classes])
    np.testing.assert_allclose(got, expected, atol=1e-9)
    assert recording == states.predict(sound_file)
    assert windows == list(states.windows(sound_file))
    assert len(windows) == 3


def test_a_recordings_number_is_the_mean_of_its_windows(speeds: Predictor, sound_file: Path) -> None:
    recording, windows = speeds.answers(sound_file)
    np.testing.assert_allclose(recording.value, np.mean([window.value for window in windows]), rtol=1e-9)
    assert (recording.label, recording.probabilities, recording.confidence) == (None, None, None)
    assert speeds.classes == ()


def test_a_prediction_holds_model_class_and_probabilities(states: Predictor, sound_file: Path) -> None:
    recording, windows = states.answers(sound_file)
    for prediction in (recording, *windows):
        assert prediction.model == states.name == states.bundle.id
        assert tuple(prediction.probabilities) == states.classes
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.label == states.classes[predicted_class(np.array(list(prediction.probabilities.values())))]
        assert prediction.confidence == prediction.probabilities[prediction.label]
        assert prediction.confidence == max(prediction.probabilities.values())
        assert prediction.value is None
    assert recording.level == "recording"
    assert {window.level for window in windows} == {"window"}
    assert recording.quality.peak_db == max(window.quality.peak_db for window in windows)


def test_times_count_the_files_own_seconds(states: Predictor, sound_file: Path) -> None:
    recording, windows = states.answers(sound_file)
    assert [window.start_s for window in windows] == pytest.approx([0.0, 0.2, 0.27], abs=0.002)
    assert [window.end_s for window in windows] == pytest.approx([0.2, 0.4, 0.47], abs=0.002)
    assert (recording.start_s, recording.end_s) == (0.0, windows[-1].end_s)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.1, 0.4), (0.0, 0.3), (0.2, None), (0.12345, 0.4567)])
def test_a_part_is_predicted_as_that_stretch_of_the_whole(
    states: Predictor, speeds: Predictor, sound_file: Path, start_s: float, end_s: float | None
) -> None:
    part = {"start_s": start_s, "end_s": end_s}
    for model in (states, speeds):
        whole = read(sound_file)
        first, last = (None if at is None else round(at * whole.rate_hz) for at in (start_s, end_s))
        alone = Clip(whole.samples[first:last], whole.rate_hz)
        expected, windows = model.answers(alone)
        for source in (sound_file, sound_file.read_bytes(), whole):
            found, of_part = model.answers(source, **part)
            assert [replace(one, start_s=0.0, end_s=0.0) for one in (found, *of_part)] == [
                replace(one, start_s=0.0, end_s=0.0) for one in (expected, *windows)
            ]
            assert found == model.predict(source, **part) == model.predict(read(source, **part))
            assert of_part == list(model.windows(source, **part)) == list(model.windows(read(source, **part)))
            np.testing.assert_array_equal(model.run(source, **part).rows(), model.run(alone).rows())
            # Times are of the source, to the sample: those of training, too.
            grid = 1 / model.bundle.manifest.spec.rate_hz
            for one, of_alone in zip((found, *of_part), (expected, *windows), strict=True):
                assert one.start_s == pytest.approx(of_alone.start_s + start_s, abs=grid)
                assert one.end_s == pytest.approx(of_alone.end_s + start_s, abs=grid)
            cut = model.pipeline.windows(read(source, **part))
            assert [(one.start_s, one.end_s) for one in of_part] == [(one.start_s, one.end_s) for one in cut]


def test_events_of_a_part_lie_in_the_source(states: Predictor, machine_sounds: Path) -> None:
    rules = EventRules(on=1e-6)
    file = min((machine_sounds.parent / "clips").iterdir())
    events = list(states.events(file, rules=rules, start_s=0.2))
    assert events == list(states.events(read(file, start_s=0.2), rules=rules))
    assert min(event.start_s for event in events) == pytest.approx(0.2, abs=0.001)


def test_nothing_after_a_part_is_decoded(
    states: Predictor, tmp_path: Path, hum: Hum, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "long.wav", hum(120.0), 8000)
    n_read = []
    decode = Decoder.read
    monkeypatch.setattr(Decoder, "read", lambda self, n: n_read.append(n) or decode(self, n))
    states.predict(tmp_path / "long.wav", start_s=60.0, end_s=61.0)
    assert sum(n_read) == 8000


@pytest.mark.parametrize(
    ("start_s", "end_s", "error"),
    [(-0.1, None, UsageError), (float("nan"), None, UsageError), (0.3, 0.2, UsageError), (0.2, 9.0, AudioError)],
)
def test_a_part_must_lie_in_the_source(
    states: Predictor, sound_file: Path, start_s: float, end_s: float | None, error: type[Exception]
) -> None:
    for source in (sound_file, read(sound_file)):
        with pytest.raises(error):
            states.predict(source, start_s=start_s, end_s=end_s)


@pytest.mark.parametrize("fixture", ["states", "speeds"])
def test_a_path_bytes_a_file_object_and_a_clip_have_the_same_predictions(
    fixture: str, sound_file: Path, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(fixture)
    expected = model.answers(sound_file)
    content = sound_file.read_bytes()
    assert model.answers(str(sound_file)) == expected
    assert model.answers(content) == expected
    assert model.answers(io.BytesIO(content)) == expected
    with sound_file.open("rb") as stream:
        assert model.answers(stream) == expected
    assert model.answers(read(sound_file)) == expected


def test_the_bundle_predicts_what_the_estimator_does(trained_on_states, states: Predictor) -> None:
    for example in trained_on_states.dataset.examples:
        rows = np.stack([states.pipeline.row(w.samples) for w in windows_of(example, states.pipeline)])
        expected = trained_on_states.estimator.predict_proba(rows)
        recording, windows = states.answers(example.file)
        temperature = states.bundle.manifest.calibration
        for window, by_estimator in zip(windows, expected, strict=True):
            calibrated = calibrate(log_probabilities(by_estimator), temperature.window)
            np.testing.assert_allclose(list(window.probabilities.values()), calibrated, atol=1e-5)
        whole = calibrate(pool(expected), temperature.recording)
        np.testing.assert_allclose(list(recording.probabilities.values()), whole, atol=1e-5)
        assert recording.label == states.classes[predicted_class(whole)]


def test_the_bundles_number_is_the_estimators(trained_on_speeds, speeds: Predictor) -> None:
    target = speeds.bundle.manifest.target
    for example in trained_on_speeds.dataset.examples:
        rows = np.stack([speeds.pipeline.row(w.samples) for w in windows_of(example, speeds.pipeline)])
        expected = target.mean + target.deviation * trained_on_speeds.estimator.predict(rows).mean()
        assert speeds.predict(example.file).value == pytest.approx(expected, abs=1e-5 * target.deviation)


def test_the_models_are_better_than_chance(trained_on_states, states: Predictor, speeds: Predictor) -> None:
    examples = trained_on_states.dataset.examples
    n_correct = sum(states.predict(example.file).label == example.label for example in examples)
    assert n_correct >= 0.8 * len(examples)
    rpm = np.array([float(example.metadata["rpm"]) for example in examples])
    predicted = np.array([speeds.predict(example.file).value for example in examples])
    assert np.corrcoef(rpm, predicted)[0, 1] > 0.8


def test_sound_shorter_than_a_window_is_one_window(states: Predictor, hum: Hum) -> None:
    recording, windows = states.answers(Clip(hum(0.1), 8000))
    assert [(window.start_s, window.end_s) for window in windows] == [(0.0, 0.1)]
    assert recording.end_s == 0.1


@pytest.mark.parametrize("n", [1, 255])
def test_sound_shorter_than_a_frame_is_refused_by_name(n: int, states: Predictor, hum: Hum, tmp_path: Path) -> None:
    path = tmp_path / "click.wav"
    soundfile.write(path, hum()[:n], 8000)
    with pytest.raises(FeatureError, match=rf"^{path}: the sound must be at least one frame long, 0\.032 s for this"):
        states.predict(path)
    with pytest.raises(FeatureError, match=r"^stream: the sound must be at least one frame"):
        list(states.stream([hum()[:n]], rate_hz=8000))
    assert states.predict(Clip(hum()[:256], 8000)).end_s == 0.032


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_a_silent_recording_is_refused(rate_hz: int, states: Predictor, speeds: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(rate_hz // 2), rate_hz)
    for model in (states, speeds):
        with pytest.raises(AudioError, match=rf"^{path}: a recording must hold sound\. Every sample of its 0\.500 s"):
            model.predict(path)
        assert len(list(model.windows(path))) == 3


def test_a_muted_stretch_is_not_refused(states: Predictor, hum: Hum) -> None:
    sound = hum(0.6)
    sound[1600:3200] = 0
    recording, windows = states.answers(Clip(sound, 8000))
    assert len(windows) == 3
    assert np.isfinite(list(recording.probabilities.values())).all()


def test_a_sample_that_is_not_finite_is_refused(states: Predictor, hum: Hum, tmp_path: Path) -> None:
    sound = hum()
    sound[3000] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan\.wav: every sample must be finite\. Sample 3000"):
        states.predict(tmp_path / "nan.wav")
    for rate_hz in (8000, 44_100):
        with pytest.raises(AudioError, match="stream: every sample must be finite"):
            list(states.stream(np.split(sound, 4), rate_hz=rate_hz))


def test_a_file_without_sound_is_refused_by_name(states: Predictor, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not sound at all")
    with pytest.raises(AudioError, match=r"text\.wav: not sound that auricle reads"):
        states.predict(tmp_path / "text.wav")
    with pytest.raises(AudioError, match="there is no such file"):
        states.predict(tmp_path / "no.wav")


def test_many_threads_may_share_a_model(states: Predictor, sound_files: dict[str, Path]) -> None:
    files = [*sound_files.values()] * 3
    assert list(parallel_map(states.predict, files, workers=4)) == [states.predict(file) for file in files]


class TestHop:
    def test_a_shorter_hop_gives_more_windows(self, states: Predictor, hum: Hum) -> None:
        clip = Clip(hum(0.5), 8000)
        windows = states.answers(clip, hop_s=0.1)[1]
        starts = [window.start_s for window in windows]
        assert starts == pytest.approx([0.0, 0.096, 0.192, 0.288, 0.3])  # on the grid of frames, and at the end
        assert list(states.windows(clip, hop_s=0.1)) == windows
        assert list(states.stream([clip.samples], rate_hz=8000, hop_s=0.1)) == windows

    @pytest.mark.parametrize("hop_s", [0, -1, 0.2001, float("inf"), float("nan")])
    def test_a_hop_must_be_above_0_and_at_most_the_window(self, hop_s: float, states: Predictor, hum: Hum) -> None:
        message = r"`hop_s` must be above 0 and at most the window's 0\.2 s"
        with pytest.raises(UsageError, match=message):
            states.predict(Clip(hum(), 8000), hop_s=hop_s)
        with pytest.raises(UsageError, match=message):
            list(states.stream([hum()], rate_hz=8000, hop_s=hop_s))

    @pytest.mark.parametrize("window_s", [0.2, 0.204, 0.236, 0.2321])
    def test_no_hop_skips_samples(self, window_s: float, trained_on_states, hum: Hum) -> None:
        bundle = trained_on_states.bundle
        spec = bundle.manifest.spec.model_copy(update={"window_s": window_s})
        model = Predictor(replace(bundle, manifest=bundle.manifest.model_copy(update={"spec": spec})))
        windows = list(model.windows(Clip(hum(2.0), 8000), hop_s=window_s))
        assert all(after.start_s <= before.end_s for before, after in pairwise(windows))

    def test_a_model_of_whole_clips_gives_one_window_whatever_the_hop(self, trained_on_states, hum: Hum) -> None:
        bundle = trained_on_states.bundle
        spec = bundle.manifest.spec.model_copy(update={"window_s": None})
        model = Predictor(replace(bundle, manifest=bundle.manifest.model_copy(update={"spec": spec})))
        assert len(list(model.windows(Clip(hum(1.0), 8000), hop_s=0.1))) == 1


def test_an_error_on_loading_names_the_file(trained_on_states, tmp_path: Path) -> None:
    bundle, path = trained_on_states.bundle, tmp_path / "x.auricle"
    replace(bundle, golden=replace(bundle.golden, answers=bundle.golden.answers + 0.1)).save(path)
    with pytest.raises(BundleError, match=rf"^{path}: states@\w+: every golden window's output"):
        load(path)
    replace(bundle, graph=b"no graph").save(path)
    with pytest.raises(BundleError, match=rf"^{path}: The model's graph must load"):
        load(path)
    with pytest.raises(BundleError, match=rf"^{tmp_path}/no: the bundle must be a readable file"):
        load(tmp_path / "no")


@pytest.fixture
def stereo(hum: Hum, tmp_path: Path) -> tuple[Path, list[Clip]]:
    """A file of two channels, and each of them as a clip."""
    channels = [hum(seconds=1.3, seed=seed) for seed in (0, 1)]
    frames = np.stack([0.5 * channels[0], channels[1]], axis=1).astype(np.float32)
    soundfile.write(tmp_path / "stereo.wav", frames, 8000, "FLOAT")
    return tmp_path / "stereo.wav", [Clip(np.ascontiguousarray(frames[:, n]), 8000) for n in (0, 1)]


def hearing(model: Predictor, channel: str) -> Predictor:
    manifest = model.bundle.manifest.model_copy(update={"channel": channel})
    return Predictor(replace(model.loaded, bundle=replace(model.bundle, manifest=manifest)))


@pytest.mark.parametrize(("channel", "number"), [("0", 0), ("1", 1), ("max-energy", 1)])
def test_a_model_hears_the_channel_that_it_was_trained_on(
    channel: str, number: int, states: Predictor, stereo: tuple[Path, list[Clip]]
) -> None:
    path, clips = stereo
    expected = states.predict(clips[number])
    assert hearing(states, channel).predict(path).probabilities == expected.probabilities
    assert states.predict(path, channel=channel).probabilities == expected.probabilities
    assert states.predict(path).probabilities != expected.probabilities


def test_a_kept_sound_of_one_channel_is_heard_by_a_model_of_another(
    states: Predictor, stereo: tuple[Path, list[Clip]], tmp_path: Path
) -> None:
    _, clips = stereo
    soundfile.write(tmp_path / "kept.wav", clips[1].samples, 8000, "FLOAT")
    model = hearing(states, "1")
    with pytest.raises(AudioError, match="channel 1 was asked for, and the sound has 1"):
        model.predict(tmp_path / "kept.wav")
    assert model.predict(tmp_path / "kept.wav", channel="0").label == states.predict(clips[1]).label


def test_the_windows_of_each_channel_count_alike(states: Predictor, stereo: tuple[Path, list[Clip]]) -> None:
    path, clips = stereo
    recording, windows = hearing(states, "each").answers(path)
    alone = [list(states.windows(clip)) for clip in clips]
    assert [(w.start_s, w.probabilities) for w in windows] == [
        (w.start_s, w.probabilities) for channel in alone for w in channel
    ]
    assert states.predict(path, channel="each") == recording
    calibration = states.bundle.manifest.calibration
    logs = np.log([[window.probabilities[name] for name in states.classes] for window in windows])
    expected = calibrate(logs.mean(axis=0) * calibration.window.temperature, calibration.recording)
    np.testing.assert_allclose([*recording.probabilities.values()], expected, atol=1e-9)
    assert states.predict(clips[0], channel="each") == states.predict(clips[0])


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_clipping_is_measured_before_the_sound_is_resampled(rate_hz: int, states: Predictor, tmp_path: Path) -> None:
    time_s = np.arange(rate_hz) / rate_hz
    sound = np.clip(3 * np.sin(2 * np.pi * 300 * time_s), -1, 1)
    soundfile.write(tmp_path / "loud.wav", sound, rate_hz, "FLOAT")
    clipped = np.mean(np.abs(sound) >= 0.9999)
    recording, windows = states.answers(tmp_path / "loud.wav")
    assert {round(window.quality.clipped, 2) for window in windows} == {round(float(clipped), 2)}
    assert recording.quality.clipped == pytest.approx(clipped, abs=5e-3)
    trained = run_pass(Example(tmp_path / "loud.wav", "x", None, "x"), [WindowRows(states.pipeline)])[0]
    assert trained["quality"][3] == pytest.approx(recording.quality.clipped, abs=1e-3)
    manifest = states.bundle.manifest.model_copy(update={"quality": 6})  # as bundles of before measured it
    before = Predictor(replace(states.loaded, bundle=replace(states.bundle, manifest=manifest)))
    assert (before.predict(tmp_path / "loud.wav").quality.clipped < clipped / 2) == (rate_hz != 8000)


@pytest.mark.parametrize("fixture", ["states", "speeds"])
def test_a_loaded_model_can_be_copied_and_pickled(
    fixture: str, sound_file: Path, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(fixture)
    expected = model.answers(sound_file)
    for again in (copy.copy(model), copy.deepcopy(model), _sent(model)):
        assert again.name == model.name
        assert again.answers(sound_file) == expected
    assert _sent(model.bundle).to_bytes() == model.bundle.to_bytes()
    assert _sent(model.loaded).name == model.name


def test_a_loaded_model_works_in_other_processes(states: Predictor, sound_file: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(states.predict, sound_file).result(timeout=60) == states.predict(sound_file)


def test_a_model_that_changed_on_the_way_is_refused(states: Predictor) -> None:
    sent = bytearray(pickle.dumps(states))
    sent[len(sent) // 2] ^= 1
    with pytest.raises(BundleError):
        pickle.loads(sent)  # noqa: S301  (of this test's own)


@pytest.mark.parametrize("wrong", [None, 3, b"bundle", ["m.auricle"], {}])
def test_a_model_of_another_type_gets_a_sentence(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"a bundle is read from a path. Got "):
        load(wrong)
    with pytest.raises(UsageError, match=r"`model` must be a Bundle. Got .* A file is loaded by `auricle.load`"):
        Predictor(wrong)


def _sent(model: object) -> Any:
    return pickle.loads(pickle.dumps(model))  # noqa: S301  (of this test's own)
