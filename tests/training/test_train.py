"""Training from recordings to a bundle: its summary, splits, tuning, budget, refusals, and equal bundles."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.synthesis import machines
from auricle.errors import ConversionError, DataError, SplitError, UsageError
from auricle.features import pipeline
from auricle.features.cache import FeatureCache
from auricle.models.table import MODELS
from auricle.prediction.predictor import Predictor
from auricle.training.train import train


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines")
    return machines(folder, n=48, seed=3, rate_hz=8000, duration_s=0.5, n_machines=6)


@pytest.fixture(scope="module")
def states(table):
    return Dataset.load(table, label="label", group="machine")


@pytest.fixture(scope="module")
def result(states):
    return train(states, models="linear,svm", name="states")


def test_the_summary_has_the_keys_of_the_contract(result):
    summary = json.loads(json.dumps(result.as_json(path="states.auricle"), allow_nan=False))
    assert summary["task"] == "classify"
    assert summary["n_recordings"] == summary["n_windows"] == 48
    assert summary["classes"] == ["cavitation", "healthy", "imbalance", "worn_bearing"]
    assert summary["groups"] == 6
    assert [c["model"] for c in summary["candidates"]] == ["linear", "linear(columns=spectrum)", "svm"]
    assert all(c.keys() == {"model", "cv_score", "cv_sd", "fit_s", "fate"} for c in summary["candidates"])
    assert summary["chosen"] in {c["model"] for c in summary["candidates"]}
    low, high = summary["test"]["ci95"]
    assert low < summary["test"]["accuracy"] < high
    assert summary["cv_score"] == summary["test"]["accuracy"]
    assert "guess" in summary["verdict"]
    assert summary["bundle"] == "states.auricle"
    assert summary.keys() >= {"window_s", "seconds"}


def test_the_bundle_predicts_as_the_estimator(result, states):
    model = Predictor(result.bundle)
    expected = result.estimator.predict_proba(result.examples.rows)
    np.testing.assert_allclose(model.graph.predict(result.examples.rows), expected, atol=1e-5)
    predictions = [model.predict(example.file) for example in states.examples]
    labels = [result.dataset.classes[i] for i in np.round(expected, 6).argmax(axis=1)]
    assert [prediction.label for prediction in predictions] == labels


def test_the_profile_describes_the_recordings_out_of_fold(result, states):
    profile = result.bundle.profile
    assert list(profile.truth) == list(states.labels)
    assert list(profile.groups) == list(states.groups)
    assert profile.rows.shape == (48, len(result.bundle.manifest.standard.columns))
    np.testing.assert_allclose(profile.answers.sum(axis=1), 1.0, atol=1e-5)
    in_fold = result.estimator.predict_proba(result.examples.rows).argmax(axis=1)
    out_of_fold = profile.answers.argmax(axis=1)
    truth = np.searchsorted(states.classes, states.labels)
    assert (out_of_fold == truth).mean() < (in_fold == truth).mean()


def test_equal_trainings_give_equal_bundles(result, states):
    again = train(states, models="linear,svm", name="states", workers=1)
    assert again.bundle.version == result.bundle.version
    same_day = again.bundle.manifest.model_copy(update={"created": result.bundle.manifest.created})
    rebuilt = Bundle(same_day, again.bundle.graph, again.bundle.profile, again.bundle.novelty, again.bundle.golden)
    assert rebuilt.to_bytes() == result.bundle.to_bytes()


def test_a_second_training_extracts_nothing(states, tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)
    first = train(states, models="linear", cache=cache)
    rows = []
    values_of = pipeline.values_of
    monkeypatch.setattr(pipeline, "values_of", lambda *args: rows.append(1) or values_of(*args))
    second = train(states, models="linear", cache=cache)
    cache.close()
    # Their rows of the model's spec and of the standard one.
    assert len(rows) == 2 * len(first.bundle.golden.windows), "only the golden windows are computed anew"
    np.testing.assert_array_equal(first.examples.rows, second.examples.rows)
    assert first.examples.quality == second.examples.quality
    assert first.bundle.version == second.bundle.version


def test_numbers_are_predicted_in_their_unit(table):
    speeds = Dataset.load(table, target="rpm", group="machine")
    result = train(speeds, models="linear")
    summary = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert summary["task"] == "regress"
    assert summary["test"].keys() >= {"r2", "mae", "rmse", "ci95"}
    model = Predictor(result.bundle)
    values = np.array([model.predict(example.file).value for example in speeds.examples])
    assert np.corrcoef(values, speeds.targets)[0, 1] > 0.8
    assert abs(values.mean() - speeds.targets.mean()) < 200


def test_the_grid_search_of_few_groups_tests_each_and_tries_every_combination(states):
    result = train(states, models="svm", tune="grid")
    assert len(result.search.trials) == 12
    assert result.plan.is_nested
    assert set(states.groups[result.search.tested]) == set(states.groups)
    assert result.as_json()["test"]["n_groups"] == len(set(states.groups))
    assert result.as_json()["settings"].keys() == {"kernelsvc__C", "kernelsvc__gamma_factor"}


def test_windows_of_a_long_recording_are_one_recording(states):
    result = train(states, models="linear", window_s=0.2)
    assert len(result.examples.rows) == 48 * 3
    assert result.bundle.manifest.scores["n_recordings"] == 48
    prediction, windows = Predictor(result.bundle).answers(states.examples[0].file)
    assert len(windows) == 3
    assert prediction.level == "recording"


def test_a_set_whose_every_recording_is_constant_noise_is_no_better_than_guessing(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("a", "b", "c"):
        (tmp_path / label).mkdir()
        for number in range(20):
            soundfile.write(tmp_path / label / f"{number}.wav", rng.normal(0, 0.1, 4000), 8000)
    result = train(tmp_path, models="linear")
    assert result.bundle.manifest.verdict.startswith("No better than guessing")
    assert result.as_json()["verdict_kind"] == "no_better"


def test_leaks_across_folds_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(10):
            soundfile.write(tmp_path / label / f"{number}.wav", rng.normal(0, 0.1, 4000), 8000)
    (tmp_path / "b" / "copy.wav").write_bytes((tmp_path / "a" / "3.wav").read_bytes())
    leaks = train(tmp_path, models="linear").as_json()["leaks"]
    found = {leak["kind"]: leak for leak in leaks}
    assert found["contradiction"]["files"] == [str(tmp_path / "a" / "3.wav"), str(tmp_path / "b" / "copy.wav")]
    assert "a/3.wav (a) and b/copy.wav (b)" in found["contradiction"]["message"]
    assert {kind for kind in found if kind.startswith("duplicates")}


def test_bad_recordings_stop_the_training_or_are_skipped_on_request(tmp_path):
    rng = np.random.default_rng(0)
    for label, level in (("loud", 0.3), ("quiet", 0.01)):
        (tmp_path / label).mkdir()
        for number in range(8):
            soundfile.write(tmp_path / label / f"{number}.wav", rng.normal(0, level, 4000).clip(-1, 1), 8000)
    (tmp_path / "loud" / "prose.wav").write_text("not sound at all, only prose that was named so")
    soundfile.write(tmp_path / "quiet" / "silent.wav", np.zeros(4000), 8000)
    with pytest.raises(DataError, match=r"2 of 18 are not: .*prose\.wav.*silent\.wav.*--skip-bad"):
        train(tmp_path, models="linear")
    result = train(tmp_path, models="linear", skip_bad=True)
    assert [failure.file.name for failure in result.failures] == ["prose.wav", "silent.wav"]
    assert len(result.dataset.examples) == 16


@pytest.mark.parametrize("channel", ["1", "max-energy", "each"])
def test_the_channel_of_training_is_that_of_prediction(channel, tmp_path):
    rng = np.random.default_rng(0)
    for label, level in (("loud", 0.3), ("quiet", 0.03)):
        (tmp_path / label).mkdir()
        for number in range(8):
            frames = rng.normal(0, [level / 10, level], (4000, 2)).clip(-1, 1)
            soundfile.write(tmp_path / label / f"{number}.wav", frames, 8000)
    result = train(tmp_path, models="linear", channel=channel)
    assert len(result.dataset) == (32 if channel == "each" else 16)
    assert len(set(result.dataset.groups)) == 16
    bundle = Bundle.from_bytes(result.bundle.to_bytes())
    assert bundle.manifest.channel == channel
    model = Predictor(bundle)
    file = tmp_path / "loud" / "0.wav"
    heard = {"each": "each"}.get(channel, "1")
    assert model.predict(file).probabilities == model.predict(file, channel=heard).probabilities
    assert "channel" not in json.loads(train(tmp_path, models="linear").bundle.manifest.model_dump_json())


def test_an_odd_sample_rate_does_not_become_that_of_the_model(tmp_path):
    rng = np.random.default_rng(0)
    for label, level in (("loud", 0.3), ("quiet", 0.01)):
        (tmp_path / label).mkdir()
        for number in range(10):
            soundfile.write(tmp_path / label / f"{number}.wav", rng.normal(0, level, 8000).clip(-1, 1), 16_000)
    soundfile.write(tmp_path / "loud" / "odd.wav", rng.normal(0, 0.3, 1000).clip(-1, 1), 1000)
    with pytest.raises(DataError, match=r"loud/odd\.wav \(1000 Hz\)"):
        train(tmp_path, models="linear")
    result = train(tmp_path, models="linear", skip_bad=True, fmin_hz=200, fmax_hz=6000)
    assert [failure.file.name for failure in result.failures] == ["odd.wav"]
    spec = result.bundle.manifest.spec
    assert (spec.rate_hz, spec.fmin_hz, spec.fmax_hz) == (16_000, 200, 6000)
    asked = train(tmp_path, models="linear", rate_hz=1000)
    assert asked.bundle.manifest.spec.rate_hz == 1000
    assert asked.as_json()["sample_rate"]["reason"].startswith("as was asked for")


def test_channels_are_those_of_the_recordings_that_are_left(tmp_path):
    rng = np.random.default_rng(0)
    for label, level in (("loud", 0.3), ("quiet", 0.01)):
        (tmp_path / label).mkdir()
        for number in range(10):
            frames = rng.normal(0, level, (8000, 2 if number else 1)).clip(-1, 1)
            soundfile.write(tmp_path / label / f"{number}.wav", frames, 16_000)
    soundfile.write(tmp_path / "loud" / "+odd.wav", rng.normal(0, 0.3, 1000).clip(-1, 1), 1000)
    result = train(tmp_path, models="linear", channel="each", skip_bad=True)
    assert [failure.file.name for failure in result.failures] == ["+odd.wav"]
    assert [e.file.name for e in result.dataset.examples if e.channel == "mean"] == ["0.wav", "0.wav"]
    assert len(result.dataset) == 2 + 2 * 18


def test_a_split_that_leaks_is_refused_before_anything_is_computed(table, monkeypatch):
    monkeypatch.setattr(pipeline, "values_of", lambda *_: pytest.fail("a feature was computed"))
    with pytest.raises(SplitError, match="group"):
        train(Dataset.load(table, label="label", group="label"), models="linear")


def test_an_unknown_tuning_is_refused(states):
    with pytest.raises(UsageError, match=r"`tune` must be among none, grid, optuna\. Got 'luck'"):
        train(states, tune="luck")


def test_a_users_own_estimator_is_a_candidate(states):
    result = train(states, models=["linear", ExtraTreesClassifier(20, random_state=0)], window_s=0.5)
    assert [trial.candidate.family for trial in result.search.trials] == ["linear", "linear", "ExtraTreesClassifier"]
    alone = train(states, models=KNeighborsClassifier(3), window_s=0.5)
    assert alone.bundle.manifest.family == "KNeighborsClassifier"
    Predictor(alone.bundle)


def test_an_estimator_that_does_not_convert_is_refused_before_anything_is_computed(states, monkeypatch):
    def extract(*_, **__):
        raise AssertionError("features were computed")

    monkeypatch.setattr("auricle.training.train.compute_features", extract)
    absolute = make_pipeline(FunctionTransformer(np.abs), LogisticRegression())
    with pytest.raises(ConversionError, match="FunctionTransformer"):
        train(states, models=[absolute], window_s=0.5)


def test_a_budget_adds_specs_and_settings(states, monkeypatch):
    monkeypatch.setattr("auricle.training.search.search_space.SPEC_VARIANTS", {"parts": (1,)})  # one of each suffices
    monkeypatch.setitem(MODELS, "svm", replace(MODELS["svm"], grid={"kernelsvc__C": (30.0,)}))
    result = train(states, models=["linear", "svm"], budget_s=120.0)
    names = [trial.candidate.name for trial in result.search.trials]
    assert names[:3] == ["linear", "linear(columns=spectrum)", "svm"]
    assert "svm(parts=1)" in names
    assert "svm(C=30.0)" in names
    model = Predictor(result.bundle)
    assert model.pipeline.spec == result.bundle.manifest.spec == (result.search.chosen.spec)
    assert result.examples.rows.shape[1] == len(result.bundle.manifest.spec.columns)


def test_a_split_by_time_tests_on_the_latest_recordings(table):
    data = Dataset.load(table, label="label")
    timed = replace(
        data,
        examples=tuple(replace(example, time=f"2026-01-{i % 28 + 1:02d}") for i, example in enumerate(data.examples)),
    )
    result = train(timed, models="linear", split="time")
    days = np.arange(len(data)) % 28
    assert days[result.search.tested].min() >= np.delete(days, result.search.tested).max()
    assert "latest 20% of the recordings" in result.bundle.manifest.protocol


def test_settings_that_contradict_each_other_are_refused(table):
    speeds = Dataset.load(table, target="rpm", group="machine")
    for options, message in (
        ({"balance": True}, "`balance` weighs classes"),
        ({"journal": Path("x.journal")}, "`journal` keeps the trials"),
        ({"budget_s": 0.0}, "`budget_s` must be above 0"),
        ({"split": "luck"}, "`split` must be among group, time"),
    ):
        with pytest.raises(UsageError, match=message):
            train(speeds, models="linear", **options)


@pytest.mark.parametrize("tune", ["none", "grid"])
@pytest.mark.parametrize("n_groups", [2, 3, 5])
def test_few_groups_are_each_tested(small_set, n_groups, tune):
    for task in ("classify", "regress"):
        data = small_set(task, n_groups=n_groups)
        result = train(data, models="linear", embeddings=(), tune=tune)
        assert set(data.groups[result.search.tested]) == set(data.groups)
        assert result.as_json()["test"]["n_groups"] == n_groups
        assert result.verdict_kind != "cannot_say"
        assert result.search.is_selected_on == (n_groups == 2 and len(result.search.trials) > 1)


def test_one_group_is_refused(small_set):
    with pytest.raises(SplitError, match="must be in at least 2 groups"):
        train(small_set("classify", n_groups=1), models="linear", embeddings=())


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    """Return a maker of data sets of two tones, or of a number that the tone follows, by a few machines."""

    def make(task, n_groups, n_each=2):
        folder = tmp_path_factory.mktemp("small")
        at_s, rng, examples = np.arange(2000) / 8000, np.random.default_rng(0), []
        for machine in range(n_groups):
            for index in range(2 * n_each):
                hz = 300 + 500 * (index % 2) + 20 * machine + index
                file = folder / f"{machine}_{index}.wav"
                soundfile.write(file, 0.2 * np.sin(2 * np.pi * hz * at_s) + 0.05 * rng.standard_normal(2000), 8000)
                label, target = ("high" if index % 2 else "low", None) if task == "classify" else (None, float(hz))
                examples.append(Example(file, label, target, group=f"m{machine}"))
        return Dataset(tuple(examples), task, group_column="machine")

    return make


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(states, seed):
    with pytest.raises(UsageError, match=r"`seed` must be from 0 to 2\*\*32 - 1"):
        train(states, models="linear", seed=seed)
