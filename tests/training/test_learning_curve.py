"""The learning curve: it rises where data helps, keeps groups whole, and is skipped where it takes too long."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from auricle.training.learning_curve import learning_curve
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.training_data import TrainingData

N = 240


def checkerboard(rng, n=N):
    """Two classes that need many examples: a checkerboard."""
    rows = rng.uniform(0, 4, (n, 2)).astype(np.float32)
    truth = (rows.astype(int).sum(axis=1) % 2).astype(np.intp)
    return TrainingData(rows, np.arange(n), truth, ("even", "odd"))


def plan_of(n, n_folds=4):
    blocks = np.arange(n) % n_folds
    return SplitPlan(blocks, tuple(range(n_folds)), "by folds")


def out_of_fold(data, candidate, plan):
    predictions = np.empty((len(data.truth), len(data.classes) or 1))
    for block in np.unique(plan.blocks):
        out = plan.blocks == block
        model = candidate.estimator.fit(data.rows[~out], data.truth[~out])
        predictions[out] = (
            model.predict_proba(data.rows[out]) if data.classes else model.predict(data.rows[out])[:, None]
        )
    return predictions


def groups_of(n):
    return np.array([f"g{i}" for i in range(n)])


def curve_of(data, candidate, plan, groups=None, **options):
    groups = groups_of(len(data.truth)) if groups is None else groups
    return learning_curve(
        data, groups, candidate, plan, out_of_fold(data, candidate, plan), **({"fit_s": 0.0} | options)
    )


def test_it_rises_where_data_helps(rng):
    data = checkerboard(rng)
    curve = curve_of(data, Candidate("neighbours", KNeighborsClassifier(1)), plan_of(N))
    assert [point.fraction for point in curve.points] == [0.25, 0.5, 0.75, 1.0]
    assert [point.n_recordings for point in curve.points] == pytest.approx([45, 90, 135, 180], abs=2)
    assert curve.points[0].score < curve.points[-1].score
    assert all(point.ci95[0] <= point.score <= point.ci95[1] for point in curve.points)
    assert curve.gain == pytest.approx(curve.points[3].score - curve.points[1].score)
    assert curve.sentence.startswith("More data helps: balanced accuracy is ")


def test_it_is_flat_where_data_does_not_help(rng):
    candidate = Candidate("dummy", DummyClassifier())
    curve = curve_of(checkerboard(rng), candidate, plan_of(N))
    assert curve.sentence.startswith("More data of the same kind will hardly help")


def test_numbers_have_a_curve_of_r2(rng):
    rows = rng.normal(size=(N, 30)).astype(np.float32)
    truth = rows @ rng.normal(size=30) + 5 * rng.normal(size=N)
    data = TrainingData(rows, np.arange(N), truth, ())
    curve = curve_of(data, Candidate("ridge", Ridge()), plan_of(N))
    assert curve.points[0].score < curve.points[-1].score
    assert ": R² is " in curve.sentence


def test_groups_are_taken_whole_and_classes_are_kept(rng, monkeypatch):
    fits = []

    def predict(data, _candidate, learned, recordings):
        fits.append((learned, recordings))
        return np.full((len(recordings), len(data.classes)), 0.5)

    monkeypatch.setattr("auricle.training.learning_curve._predict", predict)
    data = checkerboard(rng)
    groups = np.array([f"g{i % 24}" for i in range(N)])
    plan = SplitPlan(np.array([int(name[1:]) % 4 for name in groups]), (0, 1, 2, 3), "by folds")
    curve_of(data, Candidate("neighbours", KNeighborsClassifier(1)), plan, groups=groups, workers=1)
    assert len(fits) == 12
    for learned, recordings in fits:
        assert not learned[recordings].any()
        assert not set(groups[learned]) & set(groups[recordings])
        for name in set(groups[learned]):
            assert learned[groups == name].all()
        assert set(data.truth[learned]) == {0, 1}
    for fold in range(4):  # of each fold, the smaller part lies in the larger
        quarter, half, most = (fits[fold + 4 * i][0] for i in range(3))
        assert (quarter <= half).all()
        assert (half <= most).all()


def test_a_costly_curve_is_thinned_and_then_skipped(rng):
    data, candidate = checkerboard(rng), Candidate("neighbours", KNeighborsClassifier(1))
    thin = curve_of(data, candidate, plan_of(N), fit_s=10.0, max_s=30.0, workers=1)
    assert [point.fraction for point in thin.points] == [0.5, 1.0]
    partial = curve_of(data, candidate, plan_of(N), fit_s=10.0, max_s=12.0, workers=1)
    assert partial.sentence.endswith("Measured in 2 of 4 folds, to save time.")
    none = curve_of(data, candidate, plan_of(N), fit_s=100.0, max_s=12.0, workers=1)
    assert none.points == ()
    assert none.sentence == (
        "The learning curve was skipped: a fit of this model takes 100 s, and the curve would take longer than 12 s."
    )
    assert none.as_json()["points"] == []


def test_groups_that_cannot_be_halved_give_no_curve(rng):
    data = checkerboard(rng, 8)
    groups = np.array(list("aabbaabb"))
    plan = SplitPlan((groups == "b").astype(int), (0, 1), "by folds")
    curve = curve_of(data, Candidate("neighbours", KNeighborsClassifier(1)), plan, groups=groups)
    assert curve.points == ()
    assert "too few groups to halve" in curve.sentence
