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
    answers = fitted.predict_proba(X)
    assert fitted.classes_.tolist() == ["high", "low"]
    assert answers.shape == (40, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert (fitted.predict(X) == y).mean() >= 0.9


def test_learns_numbers(images: Any, quick: dict[str, Any]) -> None:
    X, _, place = images(64)
    made = CnnRegressor(**quick | {"epochs": 16}).fit(X, 100 + 10 * place)
    X, _, place = images(40, seed=1)
    assert made.score(X, 100 + 10 * place) > 0.7


def test_numbers_go_on_beyond_those_that_were_taught(quick: dict[str, Any], rng: np.random.Generator) -> None:
    numbers = np.repeat(np.arange(8.0), 8)
    X = rng.normal(-60, 3, (64, 16, 24)).astype(np.float32)
    X[:, 0] = 0
    X[:, 8] += 4 * numbers[:, np.newaxis].astype(np.float32)
    X = X.reshape(64, -1)
    known = numbers < 6
    answers = CnnRegressor(**quick).fit(X[known], numbers[known]).predict(X[~known])
    assert answers[:8].mean() > 5.2
    assert answers[8:].mean() > 6


def test_a_far_microphone_hears_the_same(fitted: CnnClassifier, images: Any) -> None:
    X, _, _ = images(4)
    np.testing.assert_allclose(fitted.predict_proba(X - 20), fitted.predict_proba(X), atol=1e-5)


def test_the_seed_decides(fitted: CnnClassifier, images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(64)
    answers = fitted.predict_proba(X)
    assert np.array_equal(CnnClassifier(**quick).fit(X, y).predict_proba(X), answers)
    assert not np.array_equal(CnnClassifier(**quick, seed=1).fit(X, y).predict_proba(X), answers)


def test_leaves_the_programs_random_numbers_alone(images: Any, quick: dict[str, Any]) -> None:
    import torch

    X, y, _ = images(16)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    CnnClassifier(**quick | {"epochs": 1}).fit(X, y)
    assert torch.equal(torch.rand(2), expected)


def test_follows_scikit_learn(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)
    made = clone(CnnClassifier(**quick)).set_params(epochs=2)
    assert made.get_params()["epochs"] == 2
    search = GridSearchCV(made, {"dropout": [0.0, 0.5]}, cv=2).fit(X, y)
    assert search.best_estimator_.classes_.tolist() == ["high", "low"]


def test_needs_no_torch_to_travel(fitted: CnnClassifier, images: Any) -> None:
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


def test_holds_whole_groups_out(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_weighs_classes(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("auricle.models.cnn.training.train", lambda learned, *_a, **_k: seen.append(learned) or {})
    X, y, _ = images(40)
    few = np.flatnonzero((y == "low") | (np.arange(40) < 10))
    CnnClassifier(**quick, class_weight="balanced").fit(X[few], y[few], sample_weight=np.full(len(few), 7.0))
    weights = seen[0].weights
    assert weights[y[few] == "low"].sum() == pytest.approx(weights[y[few] == "high"].sum())
    assert weights.mean() == pytest.approx(1)


def test_backgrounds_lie_under_images(images: Any, quick: dict[str, Any]) -> None:
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
def test_refuses_settings(images: Any, quick: dict[str, Any], settings: dict[str, Any], message: str) -> None:
    X, y, _ = images(8)
    with pytest.raises(UsageError, match=message):
        CnnClassifier(**quick | settings).fit(X, y)


def test_refuses_a_gpu_that_is_not_there(images: Any, quick: dict[str, Any]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    X, y, _ = images(8)
    with pytest.raises(UsageError, match="needs a GPU"):
        CnnClassifier(**quick | {"device": "cuda"}).fit(X, y)


def test_refuses_images_of_another_size(fitted: CnnClassifier, images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(8)
    with pytest.raises(ModelError, match=r"16 bands and 24 frames \(384 columns\).*give all images one size"):
        CnnClassifier(**quick).fit(X[:, :-1], y)
    with pytest.raises(ValueError, match="384 features"):
        fitted.predict(X[:, :-1])


def test_refuses_one_class_and_one_group(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(8)
    with pytest.raises(ModelError, match="at least two classes"):
        CnnClassifier(**quick).fit(X, np.zeros(8, int))
    with pytest.raises(ModelError, match="one group only"):
        CnnClassifier(**quick, validation=0.5).fit(X, y, groups=np.zeros(8, int))


def test_says_which_extra_is_missing(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _name: None)
    X, y, _ = images(8)
    with pytest.raises(UsageError, match=r"pip install 'auricle\[cnn\]'"):
        CnnClassifier(**quick).fit(X, y)


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, auricle.models.cnn.estimator, auricle.training.convert.cnn; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_fits_side_by_side_are_those_made_one_by_one(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(32)

    def answers(seed: int) -> np.ndarray:
        return CnnClassifier(**quick | {"epochs": 3}, seed=seed).fit(X, y).predict_proba(X)

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(answers, range(3)))
    for seed, found in enumerate(together):
        np.testing.assert_array_equal(found, answers(seed))


def test_tells_what_a_fit_would_cost(images: Any, quick: dict[str, Any]) -> None:
    X, _, _ = images(80)
    one = CnnClassifier(**quick | {"epochs": 1})
    assert one.estimate_fit_s(X) > 0
    assert clone(one).set_params(epochs=1000).estimate_fit_s(X) > 10 * one.estimate_fit_s(X)


def test_whole_groups_are_held_out(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from auricle.models.family import fit_weighted

    X, y, _ = images(32)
    seen: dict[str, Any] = {}
    split = CnnClassifier._split

    def watched(self: Any, every: Any, groups: Any) -> Any:
        seen["groups"] = groups
        return split(self, every, groups)

    monkeypatch.setattr(CnnClassifier, "_split", watched)
    groups = np.arange(32) // 4
    fit_weighted(CnnClassifier(**quick | {"epochs": 1}, validation=0.25), X, y, None, groups)
    np.testing.assert_array_equal(seen["groups"], groups)
