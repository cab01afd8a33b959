"""Search space: defaults first, then features and settings that differ from them; estimators that convert."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import Ridge

from auricle.errors import ConversionError, UsageError
from auricle.features.spec import default_spec
from auricle.training.search.search_space import SearchSpace, check_convertible, spectrum_columns

SPEC = default_spec(16_000).model_copy(update={"window_s": 2.0})


def test_defaults_come_from_cheap_to_costly_and_a_users_own_last() -> None:
    space = SearchSpace(("linear", "trees"), (ExtraTreesClassifier(7),), "classify", SPEC)
    assert [candidate.name for candidate in space.defaults()] == [
        "linear",
        "linear(columns=spectrum)",
        "trees",
        "ExtraTreesClassifier",
    ]
    assert all(candidate.spec == SPEC for candidate in space.defaults())


def test_a_grid_has_every_combination() -> None:
    assert len([*SearchSpace(("trees",), (), "classify", SPEC).grids()]) == 12


def test_further_candidates_differ_from_the_defaults_in_one_setting() -> None:
    space = SearchSpace(("linear", "svm"), (), "regress", SPEC, vary_window=True, budget_families=("forest",))
    further = [*space.beyond_defaults()]
    names = [candidate.name for candidate in further]
    assert len(set(names)) == len(names)
    assert not {candidate.name for candidate in space.defaults()} & set(names)
    other = [candidate for candidate in further if candidate.spec != SPEC]
    assert {name for candidate in other for name in candidate.settings} == {
        "parts",
        "n_mels",
        "hop",
        "trim_db",
        "window_s",
    }
    assert names.index("forest") > names.index(other[-1].name)
    assert {candidate.spec.window_s for candidate in other} == {2.0, 1.0, 0.5}


def test_a_requested_window_length_is_not_varied() -> None:
    space = SearchSpace(("linear",), (), "classify", SPEC)
    assert {candidate.spec.window_s for candidate in space.beyond_defaults()} == {2.0}


def test_the_spectrum_is_the_log_mel_and_cepstrum_of_the_whole_window() -> None:
    names = np.array(SPEC.columns)[list(spectrum_columns(SPEC))]
    assert len(names) == 5 * (40 + 20)
    assert {"mel00_mean", "mel39_p95", "mfcc19_std"} <= set(names)


class Unconvertible(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):  # noqa: ARG002
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


class Picky(Unconvertible):
    def fit(self, X, y):  # noqa: ARG002
        raise RuntimeError("only on Mondays")


def test_a_users_estimator_is_tried_on_ten_rows() -> None:
    check_convertible([ExtraTreesClassifier(5, random_state=0)], 30, "classify")
    check_convertible([Ridge()], 30, "regress")
    with pytest.raises(ConversionError, match="Unconvertible has none"):
        check_convertible([Unconvertible()], 30, "classify")
    with pytest.raises(ConversionError, match=r"Picky\(\) must fit rows of 30 columns.*RuntimeError: only on Mon"):
        check_convertible([Picky()], 30, "classify")
    with pytest.raises(UsageError, match=r"must have `fit` and `predict_proba`\. Ridge"):
        check_convertible([Ridge()], 30, "classify")
