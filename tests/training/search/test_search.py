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
from auricle.training.design_matrix import DesignMatrix
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import FoldFits, SplitPlan
from auricle.training.search.search import search


class Witness(ClassifierMixin, BaseEstimator):
    """Records which rows every fit saw: the first column numbers the recording."""

    seen: list[frozenset[int]] = []  # noqa: RUF012  (shared by clones on purpose)

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002
        Witness.seen.append(frozenset(X[:, 0].astype(int)))
        self.classes_ = np.unique(y)
        self.fitted_on_ = frozenset(X[:, 0].astype(int))
        return self

    def predict_proba(self, X):
        assert not self.fitted_on_ & frozenset(X[:, 0].astype(int)), "answered a recording that it was fitted on"
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def table_of(n, *, n_classes=3, windows=2, rng):
    owner = np.repeat(np.arange(n), windows)
    rows = np.column_stack([owner, rng.normal(size=(n * windows, 3))]).astype(np.float32)
    truth = np.arange(n) % n_classes
    rows[:, 1] += 2.0 * truth[owner]
    return DesignMatrix(rows, owner, truth, tuple(f"class {c}" for c in range(n_classes)))


@settings(max_examples=20, deadline=None)
@given(n_blocks=st.integers(3, 6), nested=st.booleans(), seed=st.integers(0, 99))
def test_no_recording_is_answered_by_a_fit_that_saw_it(n_blocks, nested, seed):
    rng = np.random.default_rng(seed)
    table = table_of(6 * n_blocks, rng=rng)
    blocks = rng.permutation(np.arange(6 * n_blocks) % n_blocks)
    tested = tuple(range(n_blocks)) if nested else (int(rng.integers(n_blocks)),)
    Witness.seen = []
    found = search({None: table}, [Candidate("witness", Witness())], SplitPlan(blocks, tested, ""), workers=1)
    everyone = frozenset(range(6 * n_blocks))
    left_out = [everyone - seen for seen in Witness.seen]
    of_block = [frozenset(np.flatnonzero(blocks == block).tolist()) for block in range(n_blocks)]
    # Whole blocks are left out, one or two at a time, and no fit is made twice.
    assert all(sum(block <= out for block in of_block) in (1, 2) for out in left_out)
    assert all(frozenset().union(*(block for block in of_block if block <= out)) == out for out in left_out)
    assert len(set(left_out)) == len(left_out)
    assert sorted(found.tested) == sorted(np.flatnonzero(np.isin(blocks, tested)))
    assert found.out_of_fold.shape == (6 * n_blocks, 3)


def test_the_better_candidate_is_chosen_and_scored_honestly(rng):
    table = table_of(60, rng=rng)
    good = Candidate("good", LogisticRegression())
    bad = Candidate("bad", LogisticRegression(C=1e-9))
    found = search({None: table}, [bad, good], SplitPlan(np.arange(60) // 3 % 5, (0, 1, 2, 3, 4), ""), workers=2)
    assert found.chosen is good
    assert [trial.candidate for trial in found.trials] == [bad, good]
    assert found.trials[1].score > found.trials[0].score
    assert (found.answers.argmax(axis=1) == table.truth[found.tested]).mean() > 0.8


def test_a_hold_out_is_read_once_by_the_winner(rng):
    table = table_of(60, rng=rng)
    Witness.seen = []
    candidates = [Candidate("a", Witness()), Candidate("b", Witness())]
    search({None: table}, candidates, SplitPlan(np.arange(60) // 3 % 4, (0,), ""), workers=1)
    held_out = frozenset(np.flatnonzero(np.arange(60) // 3 % 4 == 0).tolist())
    assert sum(not seen & held_out for seen in Witness.seen) == len(Witness.seen)
    assert sum(seen == frozenset(range(60)) - held_out for seen in Witness.seen) == 1


class Guess(ClassifierMixin, BaseEstimator):
    """Draws a class for each recording, whatever it was fitted on; the first column numbers the recording."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        drawn = np.random.default_rng(self.seed).integers(3, size=60)[X[:, 0].astype(int)]
        return 0.1 + 0.7 * np.eye(3)[drawn]


def test_noise_is_not_scored_above_chance_by_choosing_among_many(rng):
    of_the_best, nested = [], []
    for first in (0, 20):
        table = table_of(60, windows=1, rng=rng)
        guesses = [Candidate(str(seed), Guess(seed)) for seed in range(first, first + 20)]
        found = search({None: table}, guesses, SplitPlan(np.arange(60) // 3 % 3, (0, 1, 2), ""), workers=1)
        of_the_best.append(max(trial.score for trial in found.trials))
        nested.append((found.answers.argmax(axis=1) == table.truth[found.tested]).mean())
    assert np.mean(of_the_best) > 0.40  # what the choice was made by is no honest score
    assert np.mean(nested) < 0.38  # chance, and one standard error


def test_answers_of_numbers_are_in_the_targets_unit(rng):
    owner = np.arange(80)
    rows = rng.normal(size=(80, 4)).astype(np.float32)
    truth = 1000.0 + 200.0 * rows[:, 0].astype(float)
    found = search(
        {None: DesignMatrix(rows, owner, truth, ())},
        [Candidate("ridge", Ridge(0.1))],
        SplitPlan(np.arange(80) % 5, tuple(range(5)), ""),
        workers=1,
    )
    np.testing.assert_allclose(found.answers[:, 0], truth[found.tested], atol=5.0)
    assert found.calibration == Calibration()


def test_results_repeat_on_any_number_of_workers(rng):
    table = table_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, (0, 1, 2, 3, 4), "")
    one = search({None: table}, [Candidate("lr", LogisticRegression())], plan, workers=1)
    two = search({None: table}, [Candidate("lr", LogisticRegression())], plan, workers=2)
    np.testing.assert_array_equal(one.answers, two.answers)


def test_a_class_that_a_fit_never_saw_has_no_probability(rng):
    table = table_of(30, rng=rng)
    blocks = np.where(table.truth == 2, 0, 1 + np.arange(30) // 3 % 3)
    found = search(
        {None: table}, [Candidate("lr", LogisticRegression())], SplitPlan(blocks, (0, 1, 2, 3), ""), workers=1
    )
    assert found.out_of_fold.shape == (30, 3)
    never_saw_it = table.truth[found.tested] == 2
    np.testing.assert_allclose(found.uncalibrated[never_saw_it, 2], FLOOR, rtol=0.1)
    assert found.uncalibrated[~never_saw_it, 2].min() > 2 * FLOOR
    assert (found.out_of_fold[table.truth == 2].argmax(axis=1) != 2).all()


def test_a_fit_that_is_left_with_one_class_answers_it(rng):
    table = table_of(20, n_classes=2, rng=rng)
    blocks = np.where(table.truth == 1, np.arange(20) // 2 % 2, 2 + np.arange(20) // 2 % 2)
    fits = FoldFits({None: table}, blocks, workers=1)
    only = fits.add(Candidate("lr", LogisticRegression()))
    fits.make([(only, frozenset({0, 1}))])
    _, values = fits.recordings(((only, 1.0),), [(frozenset({0, 1}), 0)])
    np.testing.assert_allclose(np.exp(values), np.tile([1.0, FLOOR], (5, 1)), rtol=1e-3)
    found = search(
        {None: table}, [Candidate("lr", LogisticRegression())], SplitPlan(blocks, (0, 1, 2, 3), ""), workers=1
    )
    assert np.isfinite(found.answers).all()


@pytest.mark.parametrize("windows", [1, 3])
def test_temperatures_are_fitted_for_windows_and_recordings(windows, rng):
    table = table_of(60, windows=windows, rng=rng)
    found = search(
        {None: table}, [Candidate("lr", LogisticRegression())], SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    )
    assert (found.calibration.window.temperature == pytest.approx(found.calibration.recording.temperature)) == (
        windows == 1
    )


def test_a_blend_is_chosen_where_it_saves_enough_and_scored_as_it_answers(rng):
    table = table_of(90, rng=rng)
    table.rows[:, 1:] = rng.normal(size=(180, 3))
    table.rows[:, 1] += 1.2 * (table.truth[table.owner] == 0)
    table.rows[:, 2] += 1.2 * (table.truth[table.owner] == 1)
    one, other = (make_pipeline(Columns([column]), LogisticRegression()) for column in (1, 2))
    plan = SplitPlan(np.arange(90) // 3 % 5, (0, 1, 2, 3, 4), "")
    candidates = [Candidate("one", one), Candidate("other", other)]
    alone, blended = (search({None: table}, candidates, plan, blend=blend, workers=1) for blend in (False, True))
    assert alone.chosen.family in {"one", "other"}
    assert blended.chosen.family == "blend"
    assert set(blended.chosen.settings) == {"one", "other"}
    assert sum(blended.chosen.settings.values()) == pytest.approx(1.0, abs=0.01)
    assert [trial.candidate.family for trial in blended.trials] == ["one", "other", "blend"]
    rows = np.arange(90)
    truth = table.truth
    losses = [-np.log(found.out_of_fold[rows, truth]).mean() for found in (alone, blended)]
    assert losses[1] < losses[0]


class Columns(TransformerMixin, BaseEstimator):
    """Passes only some columns on, so that two models know different things."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):  # noqa: ARG002
        return self

    def transform(self, X):
        return X[:, self.columns]


def test_what_is_clearly_beaten_runs_two_rounds_only(rng):
    table = table_of(120, rng=rng)
    plan = SplitPlan(np.arange(120) // 3 % 6, tuple(range(6)), "")
    hopeless = Candidate("hopeless", LogisticRegression(C=1e-9))
    good = Candidate("good", LogisticRegression())
    raced = search({None: table}, [good, hopeless], plan, workers=1)
    assert [trial.fate for trial in raced.trials] == ["compared", "beaten"]
    assert raced.trials[1].score < raced.trials[0].score
    run = search({None: table}, [good, hopeless], plan, race=False, workers=1)
    assert [trial.fate for trial in run.trials] == ["compared", "compared"]
    np.testing.assert_array_equal(raced.answers, run.answers)


def test_what_is_too_dear_to_be_nested_is_marked_and_what_is_dearer_is_left_out(rng, monkeypatch):
    table = table_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    candidates = [
        Candidate("poor", LogisticRegression(C=1e-9)),
        Candidate("dear", LogisticRegression()),
        Candidate("dearer", LogisticRegression(C=2.0)),
    ]
    seconds = (0.0, 100.0, 1000.0)  # nested are 14 fits more than the first, compared alone are 5
    monkeypatch.setattr(FoldFits, "seconds", lambda _, index: seconds[index])
    found = search({None: table}, candidates, plan, budget_s=1200.0, workers=1)
    assert [trial.fate for trial in found.trials] == ["compared", "selected on", "too dear"]
    assert np.isnan(found.trials[2].score)
    assert found.chosen is candidates[1]
    assert found.is_selected_on
    assert sorted(found.tested) == list(range(60))
    # Its answers are those of fits that left a block out, calibrated on the others.
    assert (found.answers.argmax(axis=1) == table.truth[found.tested]).mean() == pytest.approx(
        found.trials[1].score, abs=0.1
    )


def test_the_first_candidate_is_tried_whatever_the_budget(rng):
    table = table_of(60, rng=rng)
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    both = [Candidate("a", LogisticRegression()), Candidate("b", LogisticRegression())]
    found = search({None: table}, both, plan, budget_s=1e-9, workers=1)
    assert [trial.fate for trial in found.trials] == ["compared", "too dear"]


def test_features_compete_as_settings_do(rng):
    noise = table_of(60, rng=rng)
    noise.rows[:] = rng.normal(size=noise.rows.shape)
    spec, other = FeatureSpec(rate_hz=16_000), FeatureSpec(rate_hz=16_000, n_mels=64)
    tables = {spec: noise, other: table_of(60, windows=3, rng=rng)}
    plan = SplitPlan(np.arange(60) // 3 % 5, tuple(range(5)), "")
    candidates = [Candidate("lr", LogisticRegression(), spec=one) for one in (spec, other)]
    found = search(tables, candidates, plan, blend=True, workers=1)
    assert found.chosen.spec == other
    assert found.windows_out_of_fold.shape == (180, 3)


def test_sets_and_intervals_are_made_without_what_they_are_scored_on(rng):
    table = table_of(300, rng=rng)
    table.rows[:, 1:] += rng.normal(0, 2.0, (600, 3))
    plan = SplitPlan(np.arange(300) // 3 % 5, tuple(range(5)), "")
    found = search({None: table}, [Candidate("lr", LogisticRegression())], plan, workers=1)
    assert found.reach is not None
    assert found.reach.covered.mean() == pytest.approx(0.9, abs=0.05)
    assert 1.0 < found.reach.size.mean() < 3.0
    owner = np.arange(300)
    rows = rng.normal(size=(300, 4)).astype(np.float32)
    numbers = DesignMatrix(rows, owner, rows[:, 0] + rng.normal(size=300), ())
    found = search({None: numbers}, [Candidate("ridge", Ridge())], plan, workers=1)
    assert found.reach.covered.mean() == pytest.approx(0.9, abs=0.05)


def test_balanced_classes_weigh_the_same(rng):
    table = table_of(120, n_classes=2, rng=rng)
    table.rows[:, 1:] = rng.normal(size=(240, 3))
    table.truth[:] = np.arange(120) % 7 == 0
    table.rows[:, 1] += 1.5 * table.truth[table.owner]
    plan = SplitPlan(np.arange(120) // 2 % 5, tuple(range(5)), "")
    usual, balanced = (
        search({None: table}, [Candidate("lr", LogisticRegression(), is_balanced=is_balanced)], plan, workers=1)
        for is_balanced in (False, True)
    )
    recall = [(found.answers.argmax(axis=1) == 1)[table.truth[found.tested] == 1].mean() for found in (usual, balanced)]
    assert recall[1] > recall[0]
    assert balanced.calibration.recording.bias == ()


def test_recordings_count_in_every_fit_as_they_weigh(rng):
    class Scale(LogisticRegression):
        """Records what each recording weighs in every fit."""

        seen: list[dict[int, float]] = []  # noqa: RUF012  (shared by clones on purpose)

        def fit(self, X, y, sample_weight=None):
            Scale.seen.append({int(n): float(w) for n, w in zip(X[:, 0], sample_weight, strict=True)})
            return super().fit(X, y, sample_weight)

    table = replace(table_of(30, rng=rng), weight=np.where(np.arange(30) < 20, 0.5, 1.0))
    search(
        {None: table}, [Candidate("scale", Scale())], SplitPlan(np.arange(30) // 3 % 5, (0, 1, 2, 3, 4), ""), workers=1
    )
    assert Scale.seen
    for weights in Scale.seen:
        old, new = ({weights[n] for n in weights if (n < 20) == is_old} for is_old in (True, False))
        assert len(old) == len(new) == 1
        assert new.pop() == pytest.approx(2 * old.pop())


@pytest.mark.parametrize("helps", [False, True])
def test_a_part_that_brings_nothing_is_left_out(helps, rng):
    table = table_of(120, rng=rng)
    told = rng.normal(size=(240, 2)).astype(np.float32)
    table.rows[:, 0] = rng.normal(size=240)  # table_of numbers the recordings there
    table.rows[:, 1] *= 0.3 if helps else 3.0
    if helps:
        told[:, 0] += 4.0 * table.truth[table.owner]
    table = replace(table, further={"told": told})
    models = [make_pipeline(Standardize(), LogisticRegression()) for _ in range(2)]
    candidates = [
        Candidate("embedding", models[0], parts=("pooled", "told")),
        Candidate("embedding", models[1], parts=("pooled",)),
    ]
    found = search({None: table}, candidates, SplitPlan(np.arange(120) % 4, (0, 1, 2, 3), ""), workers=1)
    assert found.chosen.parts == (("pooled", "told") if helps else ("pooled",))
