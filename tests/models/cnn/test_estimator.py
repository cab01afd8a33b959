import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from auricle.errors import ModelError, UsageError
from auricle.models.cnn import device
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor


@pytest.fixture(scope="module")
def fitted(images: Any, quick: dict[str, Any]) -> CnnClassifier:
    X, y, _ = images(64)
    return CnnClassifier(**quick).fit(X, y)


def test_learns_classes(fitted: CnnClassifier, images: Any) -> None:
    X, y, _ = images(40, seed=1)
    fit_and_predict = fitted.predict_proba(X)
    assert fitted.classes_.tolist() == ["high", "low"]
    assert fit_and_predict.shape == (40, 2)
    np.testing.assert_allclose(fit_and_predict.sum(axis=1), 1, atol=1e-6)
    assert (fitted.predict(X) == y).mean() >= 0.9


def test_learns_targets(images: Any, quick: dict[str, Any]) -> None:
    X, _, place = images(64)
    made = CnnRegressor(**quick | {"epochs": 16}).fit(X, 100 + 10 * place)
    X, _, place = images(40, seed=1)
    assert made.score(X, 100 + 10 * place) > 0.7


def test_regressor_extrapolates_beyond_the_training_targets(quick: dict[str, Any], rng: np.random.Generator) -> None:
    numbers = np.repeat(np.arange(8.0), 8)
    X = rng.normal(-60, 3, (64, 16, 24)).astype(np.float32)
    X[:, 0] = 0
    X[:, 8] += 4 * numbers[:, np.newaxis].astype(np.float32)
    X = X.reshape(64, -1)
    known = numbers < 6
    fit_and_predict = CnnRegressor(**quick).fit(X[known], numbers[known]).predict(X[~known])
    assert fit_and_predict[:8].mean() > 5.2
    assert fit_and_predict[8:].mean() > 6


def test_gain_changes_no_prediction(fitted: CnnClassifier, images: Any) -> None:
    X, _, _ = images(4)
    np.testing.assert_allclose(fitted.predict_proba(X - 20), fitted.predict_proba(X), atol=1e-5)


def test_same_seed_gives_the_same_network(fitted: CnnClassifier, images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(64)
    fit_and_predict = fitted.predict_proba(X)
    assert np.array_equal(CnnClassifier(**quick).fit(X, y).predict_proba(X), fit_and_predict)
    assert not np.array_equal(CnnClassifier(**quick, seed=1).fit(X, y).predict_proba(X), fit_and_predict)


def test_global_random_states_are_unchanged(images: Any, quick: dict[str, Any]) -> None:
    import torch

    X, y, _ = images(16)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    CnnClassifier(**quick | {"epochs": 1}).fit(X, y)
    assert torch.equal(torch.rand(2), expected)


def test_scikit_learn_interface(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)
    made = clone(CnnClassifier(**quick)).set_params(epochs=2)
    assert made.get_params()["epochs"] == 2
    search = GridSearchCV(made, {"dropout": [0.0, 0.5]}, cv=2).fit(X, y)
    assert search.best_estimator_.classes_.tolist() == ["high", "low"]


def test_unpickles_without_torch(fitted: CnnClassifier, images: Any) -> None:
    X, _, _ = images(3)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert all(isinstance(value, np.ndarray) for value in again.weights_[0].values())
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_networks_are_averaged(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)
    two = CnnClassifier(**quick | {"epochs": 2}, n_networks=2).fit(X, y)
    assert len(two.weights_) == 2
    first = CnnClassifier(**quick | {"epochs": 2}).fit(X, y)
    assert not np.allclose(two.predict_proba(X), first.predict_proba(X))


def test_validation_holds_out_whole_groups(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        "auricle.models.cnn.training.train", lambda learned, held_out, *_a, **_k: seen.append((learned, held_out)) or {}
    )
    X, y, _ = images(40)
    groups = np.arange(40) // 4
    CnnClassifier(**quick, validation=0.2).fit(X, y, groups=groups)
    learned, held_out = seen[0]
    assert len(held_out.images) == 8
    owner = {row.tobytes(): group for row, group in zip(X, groups, strict=True)}
    sides = [{owner[image.tobytes()] for image in part.images} for part in (learned, held_out)]
    assert not sides[0] & sides[1]


def test_class_weight_balances_classes(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("auricle.models.cnn.training.train", lambda learned, *_a, **_k: seen.append(learned) or {})
    X, y, _ = images(40)
    few = np.flatnonzero((y == "low") | (np.arange(40) < 10))
    CnnClassifier(**quick, class_weight="balanced").fit(X[few], y[few], sample_weight=np.full(len(few), 7.0))
    weights = seen[0].weights
    assert weights[y[few] == "low"].sum() == pytest.approx(weights[y[few] == "high"].sum())
    assert weights.mean() == pytest.approx(1)


def test_background_changes_the_network(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)
    made = CnnClassifier(**quick | {"epochs": 2}, background=X[:5]).fit(X, y)
    assert np.isfinite(made.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": "huge"}, "`size` must be among tiny, small, medium, large"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"device": "tpu"}, "`device` must be auto, cpu or cuda"),
        ({"validation": 1.0}, "`validation` must be at least 0 and below 1"),
    ],
)
def test_bad_settings_are_refused(images: Any, quick: dict[str, Any], settings: dict[str, Any], message: str) -> None:
    X, y, _ = images(8)
    with pytest.raises(UsageError, match=message):
        CnnClassifier(**quick | settings).fit(X, y)


def test_missing_gpu_is_refused(images: Any, quick: dict[str, Any]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    X, y, _ = images(8)
    with pytest.raises(UsageError, match="needs a GPU"):
        CnnClassifier(**quick | {"device": "cuda"}).fit(X, y)


def test_images_of_another_size_are_refused(fitted: CnnClassifier, images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(8)
    with pytest.raises(ModelError, match=r"16 bands and 24 frames \(384 columns\).*give all images one size"):
        CnnClassifier(**quick).fit(X[:, :-1], y)
    with pytest.raises(ValueError, match="384 features"):
        fitted.predict(X[:, :-1])


def test_single_class_and_single_group_are_refused(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(8)
    with pytest.raises(ModelError, match="at least two classes"):
        CnnClassifier(**quick).fit(X, np.zeros(8, int))
    with pytest.raises(ModelError, match="there is only one"):
        CnnClassifier(**quick, validation=0.5).fit(X, y, groups=np.zeros(8, int))


def test_missing_torch_names_the_extra(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _name: None)
    X, y, _ = images(8)
    with pytest.raises(UsageError, match=r"pip install 'auricle\[cnn\]'"):
        CnnClassifier(**quick).fit(X, y)


def test_import_does_not_load_torch() -> None:
    code = "import sys, auricle.models.cnn.estimator, auricle.training.convert.cnn; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_parallel_fits_equal_serial_fits(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)

    def fit_and_predict(seed: int) -> np.ndarray:
        return CnnClassifier(**quick | {"epochs": 3}, seed=seed).fit(X, y).predict_proba(X)

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fit_and_predict, range(3)))
    for seed, found in enumerate(together):
        np.testing.assert_array_equal(found, fit_and_predict(seed))


def test_estimate_fit_s_is_positive_and_grows_with_the_images(images: Any, quick: dict[str, Any]) -> None:
    X, _, _ = images(80)
    one = CnnClassifier(**quick | {"epochs": 1})
    assert one.estimate_fit_s(X) > 0
    assert clone(one).set_params(epochs=1000).estimate_fit_s(X) > 10 * one.estimate_fit_s(X)


def test_whole_groups_are_held_out(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from auricle.models.family import fit_weighted

    X, y, _ = images(32)
    seen: dict[str, Any] = {}
    split = CnnClassifier._split

    def recorded_split(self: Any, every: Any, groups: Any) -> Any:
        seen["groups"] = groups
        return split(self, every, groups)

    monkeypatch.setattr(CnnClassifier, "_split", recorded_split)
    groups = np.arange(32) // 4
    fit_weighted(CnnClassifier(**quick | {"epochs": 1}, validation=0.25), X, y, None, groups)
    np.testing.assert_array_equal(seen["groups"], groups)
