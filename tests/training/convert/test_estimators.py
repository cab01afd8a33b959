"""Graphs of every family, pipelines and blends predict as their estimators; steps without a graph are refused."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from auricle.bundles.graph import Graph
from auricle.errors import ConversionError
from auricle.models.table import MODELS, estimator
from auricle.training.convert.estimators import convert, verify

ROW_FAMILIES = [name for name, family in MODELS.items() if family.input_kind != "image"]


@pytest.fixture
def rows(rng):
    return rng.normal(size=(200, 30)).astype(np.float32) * np.float32(5.0) + np.float32(-40.0)


@pytest.mark.parametrize("name", ROW_FAMILIES)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_classifier_and_its_graph_agree(name, n_classes, rows, rng):
    labels = np.array(
        [
            f"class {c}"
            for c in np.digitize(
                rows[:, :3].sum(axis=1), np.quantile(rows[:, :3].sum(axis=1), np.linspace(0, 1, n_classes + 1)[1:-1])
            )
        ]
    )
    model = estimator(name, "classify", seed=0).fit(rows, labels)
    graph = convert(model, rows.shape[1])
    unseen = rng.normal(size=(500, 30)).astype(np.float32) * np.float32(5.0) + np.float32(-40.0)
    assert verify(graph, model, unseen) <= 1e-5
    probabilities = Graph(graph).predict(unseen)
    assert probabilities.shape == (500, n_classes)
    assert (np.round(probabilities, 6).argmax(axis=1) == np.round(model.predict_proba(unseen), 6).argmax(axis=1)).all()


@pytest.mark.parametrize("name", ROW_FAMILIES)
def test_every_regressor_and_its_graph_agree(name, rows, rng):
    target = (rows[:, 0] - rows[:, 0].mean()) / rows[:, 0].std()
    model = estimator(name, "regress", seed=0).fit(rows, target)
    unseen = rng.normal(size=(500, 30)).astype(np.float32) * np.float32(5.0) + np.float32(-40.0)
    assert verify(convert(model, rows.shape[1]), model, unseen) <= 1e-5


def test_one_row_and_many_give_the_same_prediction(rows):
    model = estimator("svm", "classify", seed=0).fit(rows, rows[:, 0] > -40)
    graph = Graph(convert(model, rows.shape[1]))
    one_by_one = np.concatenate([graph.predict(row[None]) for row in rows])
    np.testing.assert_allclose(one_by_one, graph.predict(rows), atol=1e-6)


def test_a_users_pipeline_converts(rows):
    labels = np.where(rows[:, 0] > -40, "up", "down")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    assert verify(convert(model, rows.shape[1]), model, rows) <= 1e-5


@pytest.mark.parametrize("family", ROW_FAMILIES)
def test_equal_models_have_equal_graphs(family, rows):
    labels = np.where(rows[:, 0] > -40, "up", "down")
    model = MODELS[family].classifier(0).fit(rows, labels)
    assert convert(model, rows.shape[1]) == convert(model, rows.shape[1])


def test_a_step_without_an_onnx_form_is_refused_by_name(rows):
    labels = np.where(rows[:, 0] > -40, "up", "down")
    model = make_pipeline(FunctionTransformer(np.sin), LogisticRegression()).fit(rows, labels)
    with pytest.raises(ConversionError, match="FunctionTransformer has none"):
        convert(model, rows.shape[1])


def test_a_graph_that_differs_from_its_estimator_is_refused(rows):
    labels = np.where(rows[:, 0] > -40, "up", "down")
    one = RandomForestClassifier(5, random_state=0).fit(rows, labels)
    other = RandomForestClassifier(5, random_state=1).fit(rows, labels)
    with pytest.raises(
        ConversionError, match=r"must predict within 1e-05 .* RandomForest|RandomForest.* must predict within"
    ):
        verify(convert(one, rows.shape[1]), other, rows)


def test_a_graph_that_does_not_run_is_refused(rows):
    model = IsolationForest(n_estimators=5, random_state=0).fit(rows)
    with pytest.raises(ConversionError, match=r"IsolationForest.* must run in onnxruntime"):
        verify(convert(model, rows.shape[1]), model, rows)
