"""Nested model selection: no leakage, blends, racing, budgets, calibration, coverage and weights."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from auricle.bundles.aggregation import FLOOR
from auricle.bundles.manifest import Calibration
from auricle.features.spec import FeatureSpec
from auricle.models.preprocessing import Standardize
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import FoldFits, SplitPlan
from auricle.training.search.search import search
from auricle.training.search.training_data import TrainingData


class Witness(ClassifierMixin, BaseEstimator):
    """Records the recordings of every fit: the first column numbers the recording."""

    fits: list[frozenset[int]] = []  # noqa: RUF012  (shared by clones on purpose)

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002
        Witness.fits.append(frozenset(X[:, 0].astype(int)))
        self.classes_ = np.unique(y)
        self.fitted_on_ = frozenset(X[:, 0].astype(int))
        return self

    def predict_proba(self, X):
        assert not self.fitted_on_ & frozenset(X[:, 0].astype(int)), "predicted a recording that it was fitted to"
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def data_of(n, *, n_classes=3, windows=2, rng):
    owner = np.repeat(np.arange(n), windows)
    rows = np.column_stack([owner, rng.normal(size=(n * windows, 3))]).astype(np.float32)
    truth = np.arange(n) % n_classes
    rows[:, 1] += 2.0 * truth[owner]
    return TrainingData(rows, owner, truth, tuple(f"class {c}" for c in range(n_classes)))


@settings(max_examples=20, deadline=None)
@given(n_blocks=st.integers(3, 6), nested=st.booleans(), seed=st.integers(0, 99))
def test_no_recording_is_predicted_by_a_fit_to_it(n_blocks, nested, seed):
    rng = np.random.default_rng(seed)
    data = data_of(6 * n_blocks, rng=rng)
    blocks = rng.permutation(np.arange(6 * n_blocks) % n_blocks)
    tested = tuple(range(n_blocks)) if nested else (int(rng.integers(n_blocks)),)
    Witness.fits = []
    found = search({None: data}, [Candidate("witness", Witness())], SplitPlan(blocks, tested, ""), workers=1)
    everyone = frozenset(range(6 * n_blocks))
    held_out = [everyone - learned for learned in Witness.fits]
    of_block = [frozenset(np.flatnonzero(blocks == block).tolist()) for block in range(n_blocks)]
    # Whole blocks are held out, one or two at a time, and no fit runs twice.
    assert all(sum(block <= out for block in of_block) in (1, 2) for out in held_out)
    assert all(frozenset().union(*(block for block in of_block if block <= out)) == out for out in held_out)
    assert len(set(held_out)) == len(held_out)
    assert sorted(found.tested) == sorted(np.flatnonzero(np.isin(blocks, tested)))
    assert found.out_of_fold.shape == (6 * n_blocks, 3)


def test_the_better_candidate_is_chosen_and_scored_on_held_out_recordings(rng):
    data = data_of(60, rng=rng)
    good = Candidate("good", LogisticRegression())
    bad = Candidate("bad", LogisticRegression(C=1e-9))
    found = search({None: data}, [bad, good], SplitPlan(np.arange(60) // 3 % 5, (0, 1, 2, 3, 4), ""), workers=2)
    assert found.chosen is good
    assert [trial.candidate for trial in found.trials] == [bad, good]
    assert found.trials[1].score > found.trials[0].score
    assert (found.predictions.argmax(axis=1) == data.truth[found.tested]).mean() > 0.8


def test_a_hold_out_is_predicted_once_by_the_winner(rng):
    data = data_of(60, rng=rng)
    Witness.fits = []
    candidates = [Candidate("a", Witness()), Candidate("b", Witness())]
    search({None: data}, candidates, SplitPlan(np.arange(60) // 3 % 4, (0,), ""), workers=1)
    held_out = frozenset(np.flatnonzero(np.arange(60) // 3 % 4 == 0).tolist())
    assert sum(not learned & held_out for learned in Witness.fits) == len(Witness.fits)
    assert sum(learned == frozenset(range(60)) - held_out for learned in Witness.fits) == 1


class Guess(ClassifierMixin, BaseEstimator):
    """Draws a class for each recording, whatever it was fitted to; the first column numbers the recording."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        drawn = np.random.default_rng(self.seed).integers(3, size=60)[X[:, 0].astype(int)]
        return 0.1 + 0.7 * np.eye(3)[drawn]


def test_noise_is_not_scored_above_chance_by_choosing_among_many(rng):
    best_trials, nested = [], []
    for first in (0, 20):
        data = data_of(60, windows=1, rng=rng)
        guesses = [Candidate(str(seed), Guess(seed)) for seed in range(first, first + 20)]
        found = search({None: data}, guesses, SplitPlan(np.arange(60) // 3 % 3, (0, 1, 2), ""), workers=1)
        best_trials.append(max(trial.score for trial in found.trials))
        nested.append((found.predictions.argmax(axis=1) == data.truth[found.tested]).mean())
    assert np.mean(best_trials) > 0.40  # a score that was selected on
    assert np.mean(nested) < 0.38  # chance, and one standard error


def test_predicted_numbers_are_in_the_targets_unit(rng):
    owner = np.arange(80)
    rows = rng.normal(size=(80, 4)).astype(np.float32)
    truth = 1000.0 + 200.0 * rows[:, 0].astype(float)
    found = search(
        {None: TrainingData(rows, owner, truth, ())},
        [Candidate("ridge", Ridge(0.1))],
        SplitPlan(np.arange(80) % 5, tuple(range(5)), ""),
        workers=1,
    )
    np.testing.assert_allclose(found.predictions[:, 0], truth[found.tested], atol=5.0)
    assert found.calibration == Calibration()


def test_results_repeat_on_any_number_of_workers(rng):
    data = data_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, (0, 1, 2, 3, 4), "")
    one = search({None: data}, [Candidate("lr", LogisticRegression())], plan, workers=1)
    two = search({None: data}, [Candidate("lr", LogisticRegression())], plan, workers=2)
    np.testing.assert_array_equal(one.predictions, two.predictions)


def test_a_class_outside_a_fit_has_the_least_probability(rng):
    data = data_of(30, rng=rng)
    blocks = np.where(data.truth == 2, 0, 1 + np.arange(30) // 3 % 3)
    found = search(
        {None: data}, [Candidate("lr", LogisticRegression())], SplitPlan(blocks, (0, 1, 2, 3), ""), workers=1
    )
    assert found.out_of_fold.shape == (30, 3)
    outside = data.truth[found.tested] == 2
    np.testing.assert_allclose(found.uncalibrated[outside, 2], FLOOR, rtol=0.1)
    assert found.uncalibrated[~outside, 2].min() > 2 * FLOOR
    assert (found.out_of_fold[data.truth == 2].argmax(axis=1) != 2).all()


def test_a_fit_to_one_class_predicts_it(rng):
    data = data_of(20, n_classes=2, rng=rng)
    blocks = np.where(data.truth == 1, np.arange(20) // 2 % 2, 2 + np.arange(20) // 2 % 2)
    fits = FoldFits({None: data}, blocks, workers=1)
    only = fits.add(Candidate("lr", LogisticRegression()))
    fits.run([(only, frozenset({0, 1}))])
    _, values = fits.recording_predictions(((only, 1.0),), [(frozenset({0, 1}), 0)])
    np.testing.assert_allclose(np.exp(values), np.tile([1.0, FLOOR], (5, 1)), rtol=1e-3)
    found = search(
        {None: data}, [Candidate("lr", LogisticRegression())], SplitPlan(blocks, (0, 1, 2, 3), ""), workers=1
    )
    assert np.isfinite(found.predictions).all()


@pytest.mark.parametrize("windows", [1, 3])
def test_temperatures_are_fitted_for_windows_and_recordings(windows, rng):
    data = data_of(60, windows=windows, rng=rng)
    found = search(
        {None: data}, [Candidate("lr", LogisticRegression())], SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    )
    assert (found.calibration.window.temperature == pytest.approx(found.calibration.recording.temperature)) == (
        windows == 1
    )


def test_a_blend_is_chosen_where_its_loss_is_clearly_lower(rng):
    data = data_of(90, rng=rng)
    data.rows[:, 1:] = rng.normal(size=(180, 3))
    data.rows[:, 1] += 1.2 * (data.truth[data.owner] == 0)
    data.rows[:, 2] += 1.2 * (data.truth[data.owner] == 1)
    one, other = (make_pipeline(Columns([column]), LogisticRegression()) for column in (1, 2))
    plan = SplitPlan(np.arange(90) // 3 % 5, (0, 1, 2, 3, 4), "")
    candidates = [Candidate("one", one), Candidate("other", other)]
    alone, blended = (search({None: data}, candidates, plan, blend=blend, workers=1) for blend in (False, True))
    assert alone.chosen.family in {"one", "other"}
    assert blended.chosen.family == "blend"
    assert set(blended.chosen.settings) == {"one", "other"}
    assert sum(blended.chosen.settings.values()) == pytest.approx(1.0, abs=0.01)
    assert [trial.candidate.family for trial in blended.trials] == ["one", "other", "blend"]
    rows = np.arange(90)
    truth = data.truth
    losses = [-np.log(found.out_of_fold[rows, truth]).mean() for found in (alone, blended)]
    assert losses[1] < losses[0]


class Columns(TransformerMixin, BaseEstimator):
    """Selects columns, so that two models learn different things."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):  # noqa: ARG002
        return self

    def transform(self, X):
        return X[:, self.columns]


def test_a_clearly_beaten_candidate_is_dropped_after_two_rounds(rng):
    data = data_of(120, rng=rng)
    plan = SplitPlan(np.arange(120) // 3 % 6, tuple(range(6)), "")
    hopeless = Candidate("hopeless", LogisticRegression(C=1e-9))
    good = Candidate("good", LogisticRegression())
    raced = search({None: data}, [good, hopeless], plan, workers=1)
    assert [trial.status for trial in raced.trials] == ["compared", "beaten"]
    assert raced.trials[1].score < raced.trials[0].score
    run = search({None: data}, [good, hopeless], plan, drop_beaten=False, workers=1)
    assert [trial.status for trial in run.trials] == ["compared", "compared"]
    np.testing.assert_array_equal(raced.predictions, run.predictions)


def test_costly_candidates_are_compared_without_nesting_or_skipped(rng, monkeypatch):
    data = data_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    candidates = [
        Candidate("poor", LogisticRegression(C=1e-9)),
        Candidate("costly", LogisticRegression()),
        Candidate("costlier", LogisticRegression(C=2.0)),
    ]
    seconds = (0.0, 100.0, 1000.0)  # nested are 14 fits more than the first, compared alone are 5
    monkeypatch.setattr(FoldFits, "mean_fit_s", lambda _, index: seconds[index])
    found = search({None: data}, candidates, plan, budget_s=1200.0, workers=1)
    assert [trial.status for trial in found.trials] == ["compared", "selected on", "too dear"]
    assert np.isnan(found.trials[2].score)
    assert found.trials[2].estimated_s == 5 * 1000.0
    assert found.chosen is candidates[1]
    assert found.is_selected_on
    assert sorted(found.tested) == list(range(60))
    # Its predictions are those of fits without a block, calibrated on the other blocks.
    assert (found.predictions.argmax(axis=1) == data.truth[found.tested]).mean() == pytest.approx(
        found.trials[1].score, abs=0.1
    )


def test_the_first_candidate_is_tried_whatever_the_budget(rng):
    data = data_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    both = [Candidate("a", LogisticRegression()), Candidate("b", LogisticRegression())]
    found = search({None: data}, both, plan, budget_s=1e-9, workers=1)
    assert [trial.status for trial in found.trials] == ["compared", "too dear"]


def test_candidates_of_different_specs_compete(rng):
    noise = data_of(60, rng=rng)
    noise.rows[:] = rng.normal(size=noise.rows.shape)
    spec, other = FeatureSpec(rate_hz=16_000), FeatureSpec(rate_hz=16_000, n_mels=64)
    tables = {spec: noise, other: data_of(60, windows=3, rng=rng)}
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    candidates = [Candidate("lr", LogisticRegression(), spec=each) for each in (spec, other)]
    found = search(tables, candidates, plan, blend=True, workers=1)
    assert found.chosen.spec == other
    assert found.windows_out_of_fold.shape == (180, 3)


def test_coverage_is_measured_out_of_fold(rng):
    data = data_of(300, rng=rng)
    data.rows[:, 1:] += rng.normal(0, 2.0, (600, 3))
    plan = SplitPlan(np.arange(300) // 3 % 5, tuple(range(5)), "")
    found = search({None: data}, [Candidate("lr", LogisticRegression())], plan, workers=1)
    assert found.coverage is not None
    assert found.coverage.covered.mean() == pytest.approx(0.9, abs=0.05)
    assert 1.0 < found.coverage.size.mean() < 3.0
    owner = np.arange(300)
    rows = rng.normal(size=(300, 4)).astype(np.float32)
    numbers = TrainingData(rows, owner, rows[:, 0] + rng.normal(size=300), ())
    found = search({None: numbers}, [Candidate("ridge", Ridge())], plan, workers=1)
    assert found.coverage.covered.mean() == pytest.approx(0.9, abs=0.05)


def test_balanced_classes_weigh_the_same(rng):
    data = data_of(120, n_classes=2, rng=rng)
    data.rows[:, 1:] = rng.normal(size=(240, 3))
    data.truth[:] = np.arange(120) % 7 == 0
    data.rows[:, 1] += 1.5 * data.truth[data.owner]
    plan = SplitPlan(np.arange(120) // 2 % 5, tuple(range(5)), "")
    usual, balanced = (
        search({None: data}, [Candidate("lr", LogisticRegression(), is_balanced=is_balanced)], plan, workers=1)
        for is_balanced in (False, True)
    )
    recall = [
        (found.predictions.argmax(axis=1) == 1)[data.truth[found.tested] == 1].mean() for found in (usual, balanced)
    ]
    assert recall[1] > recall[0]
    assert balanced.calibration.recording.bias == ()


def test_every_fit_uses_the_weights_of_recordings(rng):
    class Scale(LogisticRegression):
        """Records the weight of each recording in every fit."""

        fits: list[dict[int, float]] = []  # noqa: RUF012  (shared by clones on purpose)

        def fit(self, X, y, sample_weight=None):
            Scale.fits.append({int(n): float(w) for n, w in zip(X[:, 0], sample_weight, strict=True)})
            return super().fit(X, y, sample_weight)

    data = replace(data_of(30, rng=rng), weight=np.where(np.arange(30) < 20, 0.5, 1.0))
    search(
        {None: data}, [Candidate("scale", Scale())], SplitPlan(np.arange(30) // 3 % 5, (0, 1, 2, 3, 4), ""), workers=1
    )
    assert Scale.fits
    for weights in Scale.fits:
        old, new = ({weights[n] for n in weights if (n < 20) == is_old} for is_old in (True, False))
        assert len(old) == len(new) == 1
        assert new.pop() == pytest.approx(2 * old.pop())


@pytest.mark.parametrize("helps", [False, True])
def test_a_feature_block_that_adds_nothing_is_left_out(helps, rng):
    data = data_of(120, rng=rng)
    extra = rng.normal(size=(240, 2)).astype(np.float32)
    data.rows[:, 0] = rng.normal(size=240)  # table_of numbers the recordings there
    data.rows[:, 1] *= 0.3 if helps else 3.0
    if helps:
        extra[:, 0] += 4.0 * data.truth[data.owner]
    data = replace(data, block_rows={"extra": extra})
    models = [make_pipeline(Standardize(), LogisticRegression()) for _ in range(2)]
    candidates = [
        Candidate("embedding", models[0], feature_set=("pooled", "extra")),
        Candidate("embedding", models[1], feature_set=("pooled",)),
    ]
    found = search({None: data}, candidates, SplitPlan(np.arange(120) % 4, (0, 1, 2, 3), ""), workers=1)
    assert found.chosen.feature_set == (("pooled", "extra") if helps else ("pooled",))
