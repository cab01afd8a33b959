"""Candidates: their names, weights of recordings and classes in a fit, blends, and classes outside a fit."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge

from auricle.training.search.candidates import Candidate, blend_candidates, fit, fit_recordings, predict
from auricle.training.search.training_data import TrainingData


class Weights(ClassifierMixin, BaseEstimator):
    """Keeps the weights of its fit."""

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002
        self.classes_ = np.unique(y)
        self.weights_ = sample_weight
        return self


@pytest.mark.parametrize(
    ("candidate", "name"),
    [
        (Candidate("linear", Ridge()), "linear"),
        (Candidate("linear", Ridge(), {"logisticregression__C": 0.1}), "linear(C=0.1)"),
        (Candidate("embedding", Ridge(), feature_set=("pooled", "yamnet")), "embedding(pooled+yamnet)"),
        (Candidate("cnn", Ridge(), feature_set=("image",)), "cnn"),
    ],
)
def test_a_name_has_the_family_feature_set_and_settings(candidate: Candidate, name: str) -> None:
    assert candidate.name == name


def test_recordings_weigh_the_same_whatever_their_windows(rng: np.random.Generator) -> None:
    owner = np.array([0, 0, 0, 1])
    rows = rng.normal(size=(4, 2)).astype(np.float32)
    weights = fit(Candidate("weights", Weights()), rows, np.array([0, 0, 0, 1]), owner).weights_
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.mean() == pytest.approx(1.0)
    assert fit(Candidate("weights", Weights()), rows, owner % 2, np.arange(4)).weights_ is None


def test_balanced_classes_weigh_the_same(rng: np.random.Generator) -> None:
    truth = np.array([0, 0, 0, 1])
    rows = rng.normal(size=(4, 2)).astype(np.float32)
    weights = fit(Candidate("weights", Weights(), is_balanced=True), rows, truth, np.arange(4)).weights_
    assert weights[:3].sum() == pytest.approx(weights[3])


def test_the_estimator_of_a_candidate_stays_unfitted(rng: np.random.Generator) -> None:
    candidate = Candidate("linear", LogisticRegression())
    rows, truth = rng.normal(size=(20, 3)).astype(np.float32), np.arange(20) % 2
    fit(candidate, rows, truth, np.arange(20))
    assert not hasattr(candidate.estimator, "classes_")


def test_a_class_outside_the_fit_has_no_probability(rng: np.random.Generator) -> None:
    rows, truth = rng.normal(size=(20, 3)).astype(np.float32), np.where(np.arange(20) % 2, 0, 2)
    probabilities = predict(fit(Candidate("linear", LogisticRegression()), rows, truth, np.arange(20)), rows, 3)
    assert probabilities.shape == (20, 3)
    assert not probabilities[:, 1].any()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_numbers_have_one_column(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(20, 3)).astype(np.float32)
    model = fit(Candidate("ridge", Ridge()), rows, rows[:, 0], np.arange(20))
    assert predict(model, rows, 0).shape == (20, 1)


def test_a_blend_predicts_the_weighted_mean_of_members_on_their_own_columns(rng: np.random.Generator) -> None:
    pooled, extra = rng.normal(size=(30, 4)).astype(np.float32), rng.normal(size=(30, 2)).astype(np.float32)
    truth = pooled[:, 0].astype(float) + extra[:, 1]
    data = TrainingData(pooled, np.arange(30), truth, (), block_rows={"extra": extra})
    everything = np.ones(30, bool)
    scale = data.scale(everything)
    members = [Candidate("a", Ridge(), columns=(0, 2)), Candidate("b", Ridge(), feature_set=("extra",))]
    blend = blend_candidates([(members[0], 0.25), (members[1], 0.75)], data.width, is_classifier=False)
    assert blend.feature_set == ("pooled", "extra")
    assert blend.settings == {"a": 0.25, "b(extra)": 0.75}

    def predicted(candidate: Candidate) -> np.ndarray:
        model = fit_recordings(candidate, data, everything, scale)
        return predict(model, data.design_matrix(candidate.feature_set), 0)

    expected = 0.25 * predicted(members[0]) + 0.75 * predicted(members[1])
    np.testing.assert_allclose(predicted(blend), expected, atol=1e-5)
