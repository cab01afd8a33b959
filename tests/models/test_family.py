"""Weights and groups reach the estimators that support them, alone or at the end of a pipeline."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auricle.models.family import fit_weighted

X = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)
Y = np.array(["a", "a", "b", "b"])


@pytest.mark.parametrize("make", [LogisticRegression, lambda: make_pipeline(StandardScaler(), LogisticRegression())])
def test_weights_change_a_fit(make) -> None:
    plain = fit_weighted(make(), X, Y).predict_proba(X)
    weighted = fit_weighted(make(), X, Y, np.array([9.0, 9.0, 1.0, 1.0])).predict_proba(X)
    assert (weighted[:, 0] > plain[:, 0]).all()


def test_weights_and_groups_are_left_out_where_a_model_knows_none() -> None:
    model = fit_weighted(KNeighborsClassifier(1), X, Y, np.ones(4), np.arange(4))
    assert model.predict(X).tolist() == Y.tolist()
