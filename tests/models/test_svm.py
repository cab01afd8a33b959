import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.svm import SVC, SVR

from auricle.models.svm import KernelSVC, KernelSVR, default_gamma, pair_signs


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_margins_equal_libsvm(n_classes):
    X, y = make_classification(120, 10, n_informative=6, n_classes=n_classes, random_state=0)
    ours = KernelSVC(C=3.0, gamma_factor=1.0).fit(X, y)
    theirs = SVC(C=3.0, gamma="scale", decision_function_shape="ovo").fit(X, y)
    margins = theirs.decision_function(X)
    np.testing.assert_allclose(
        ours.margins(X), -margins[:, None] if n_classes == 2 else margins, atol=5e-3
    )  # libsvm stops within 1e-3


def test_margin_of_two_classes_is_half_the_log_odds():
    X, y = make_classification(80, 5, random_state=1)
    model = KernelSVC().fit(X, y)
    odds = np.log(model.predict_proba(X)[:, 0] / model.predict_proba(X)[:, 1])
    np.testing.assert_allclose(odds, 2 * model.margins(X)[:, 0], atol=1e-9)


def test_probabilities_sum_to_one_and_follow_the_classes():
    X, y = make_classification(150, 8, n_informative=6, n_classes=4, class_sep=2.0, random_state=2)
    labels = np.array(["d", "b", "a", "c"])[y]
    model = KernelSVC().fit(X, labels)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert list(model.classes_) == ["a", "b", "c", "d"]
    assert (model.predict(X) == labels).mean() > 0.95


def test_regression_equals_libsvm():
    X, y = make_regression(80, 6, noise=3.0, random_state=3)
    y = (y - y.mean()) / y.std()
    ours = KernelSVR(C=5.0, epsilon=0.1, gamma_factor=1.0).fit(X, y)
    theirs = SVR(C=5.0, epsilon=0.1, gamma="scale").fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=0.02)


def test_every_pair_votes_for_one_class_and_against_another():
    speaks_for, speaks_against = pair_signs(4)
    assert speaks_for.shape == (6, 4)
    assert (speaks_for.sum(axis=1) == 1).all()
    assert (speaks_against.sum(axis=1) == 1).all()
    assert not (speaks_for * speaks_against).any()


@pytest.mark.parametrize("model", [KernelSVC(), KernelSVR()])
def test_sample_weight_equals_copies_of_a_row(model):
    X, y = make_classification(60, 5, random_state=4)
    twice = np.arange(len(X)) % 3 == 0
    weighted = clone(model).fit(X, y, sample_weight=1.0 + twice)
    copied = clone(model).set_params(gamma_factor=weighted.gamma_ / default_gamma(np.vstack([X, X[twice]])))
    copied.fit(np.vstack([X, X[twice]]), np.concatenate([y, y[twice]]))
    ask = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    np.testing.assert_allclose(getattr(weighted, ask)(X), getattr(copied, ask)(X), atol=5e-3)
