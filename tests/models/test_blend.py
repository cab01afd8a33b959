import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auricle.models.blend import BlendClassifier, BlendRegressor, classifier_weights, regressor_weights
from auricle.training.convert.estimators import convert, verify


def informative_logs(truth, strength, rng):
    logits = rng.normal(size=(len(truth), 3))
    logits[np.arange(len(truth)), truth] += strength
    return log_softmax(logits, axis=1)


def test_better_member_has_more_weight_and_random_one_almost_none(rng):
    truth = rng.integers(0, 3, 2000)
    weights = classifier_weights([informative_logs(truth, s, rng) for s in (2.0, 1.0, 0.0)], truth)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > weights[1] > 0.1 > 0.05 > weights[2]


def test_underconfident_member_keeps_its_weight(rng):
    truth = rng.integers(0, 3, 2000)
    sure, timid = informative_logs(truth, 2.0, rng), log_softmax(0.1 * informative_logs(truth, 2.0, rng), axis=1)
    weights = classifier_weights([sure, timid], truth)
    assert weights[1] > weights[0]


def test_blended_targets_have_less_error_than_any_member(rng):
    truth = rng.normal(100, 10, 500)
    values = [truth + rng.normal(0, 5, 500), truth + rng.normal(0, 5, 500), rng.normal(100, 10, 500)]
    weights = regressor_weights(values, truth)
    error = ((np.column_stack(values) @ weights - truth) ** 2).mean()
    assert weights.sum() == pytest.approx(1.0)
    assert error < 0.6 * min(((value - truth) ** 2).mean() for value in values)


def test_uninformative_members_have_equal_weights():
    np.testing.assert_array_equal(regressor_weights([np.full(9, 5.0), np.full(9, 5.0)], np.arange(9.0)), [0.5, 0.5])


def test_blend_of_one_member_equals_the_member(rng):
    X, y = rng.normal(size=(80, 4)).astype(np.float32), rng.integers(0, 3, 80)
    blend = BlendClassifier([LogisticRegression()], [1.0]).fit(X, y)
    np.testing.assert_allclose(blend.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X), atol=1e-6)


def test_blend_equals_its_onnx_graph(rng):
    X = rng.normal(size=(200, 12)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    members = [make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(20, random_state=0)]
    blend = clone(BlendClassifier(members, [0.7, 0.3])).fit(X, y, sample_weight=rng.uniform(0.5, 1.0, 200))
    assert verify(convert(blend, 12), blend, rng.normal(size=(300, 12)).astype(np.float32)) < 1e-5
    assert (blend.predict(X) == y).mean() > 0.9
    numbers = BlendRegressor([Ridge(), RandomForestRegressor(20, random_state=0)], [0.4, 0.6]).fit(X, X[:, 0])
    assert verify(convert(numbers, 12), numbers, X) < 1e-5
