"""Every model family passes the same checks, up to the predictions of a loaded bundle."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from auricle.bundles.aggregation import calibrate, log_probabilities, predicted_class
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.models.family import Estimator
from auricle.models.table import MODELS, estimator, grid
from auricle.prediction.predictor import Predictor
from auricle.tasks.table import Task
from auricle.training.convert.estimators import convert
from auricle.training.search.training_data import TrainingData

# Networks take images: they have the same checks in tests/models/cnn and tests/training/test_networks.py.
ROW_FAMILIES = [name for name, family in MODELS.items() if family.input_kind != "image"]

pytestmark = [pytest.mark.parametrize("name", ROW_FAMILIES), pytest.mark.parametrize("task", ["classify", "regress"])]


@pytest.fixture
def trained(task: Task, request: pytest.FixtureRequest):
    return request.getfixturevalue("trained_on_states" if task == "classify" else "trained_on_speeds")


@pytest.fixture
def rows(trained) -> np.ndarray:
    found: np.ndarray = trained.examples.rows.copy()
    return found


@pytest.fixture
def few(rows: np.ndarray) -> np.ndarray:
    """The same with an eighth of the columns, for speed."""
    return np.ascontiguousarray(rows[:, ::8])


@pytest.fixture
def truth(trained) -> np.ndarray:
    """Indices of classes, or standardised targets, of every window."""
    table = TrainingData.of(trained.dataset, trained.examples)
    scale = table.scale(np.ones(len(trained.dataset), bool))
    return np.asarray(scale.standardize(table.truth))[table.owner]


def small(name: str, task: Task) -> Estimator:
    """An estimator with few trees, for speed."""
    model = estimator(name, task, seed=7)
    sizes = {"forest": "n_estimators", "trees": "n_estimators", "boosting": "max_iter"}
    return model.set_params(**{sizes[name]: 5}) if name in sizes else model


def predict(model: Estimator, rows: np.ndarray) -> np.ndarray:
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)


def test_family_has_title_estimator_and_grid(name: str, task: Task) -> None:
    assert MODELS[name].title
    assert isinstance(estimator(name, task, seed=0), Estimator)
    assert grid(name, task)


def test_clone_keeps_hyperparameters(name: str, task: Task) -> None:
    model = estimator(name, task, seed=3)
    assert str(clone(model).get_params()) == str(model.get_params())
    for setting, values in grid(name, task).items():
        for value in values:
            assert clone(model).set_params(**{setting: value}).get_params()[setting] == value


def test_same_seed_gives_the_same_model(name: str, task: Task, few: np.ndarray, truth: np.ndarray) -> None:
    one, two = (predict(small(name, task).fit(few, truth), few) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_fit_and_predict_do_not_mutate_inputs(name: str, task: Task, few: np.ndarray, truth: np.ndarray) -> None:
    before = few.copy(), truth.copy()
    predict(small(name, task).fit(few, truth), few)
    np.testing.assert_array_equal(few, before[0])
    np.testing.assert_array_equal(truth, before[1])


def test_loaded_bundle_predicts_as_the_estimator(
    name: str, task: Task, trained, rows: np.ndarray, truth: np.ndarray
) -> None:
    model = small(name, task).fit(rows, truth)
    graph = convert(model, rows.shape[1])
    golden = replace(trained.bundle.golden, answers=Graph(graph).predict(trained.bundle.golden.rows))
    manifest = trained.bundle.manifest
    predictor = Predictor(Bundle.from_bytes(replace(trained.bundle, graph=graph, golden=golden).to_bytes()))
    expected = predict(model, rows)
    owner = trained.examples.owner
    for recording in range(0, len(trained.dataset), 5):
        windows = predictor.answers(trained.dataset.examples[recording].file)[1]
        for window, answer in zip(windows, expected[owner == recording], strict=True):
            if task == "classify":
                wanted = calibrate(log_probabilities(answer), manifest.calibration.window)
                np.testing.assert_allclose(list(window.probabilities.values()), wanted, atol=1e-5)
                assert window.label == predictor.classes[predicted_class(wanted)]
            else:
                scale = manifest.target.deviation
                assert window.value == pytest.approx(manifest.target.mean + scale * answer, abs=1e-5 * scale)
