"""Networks in training: compared, blended, skipped, resumed after a kill, and predicted without torch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.models.cnn import device
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.table import MODELS
from auricle.prediction.predictor import Predictor
from auricle.training import networks
from auricle.training.request import families_for_budget
from auricle.training.result import TrainResult
from auricle.training.train import train

pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")

QUICK: dict[str, Any] = {"size": "tiny", "epochs": 2, "averaging": 0.5}


class KilledError(Exception):
    pass


@pytest.fixture(scope="module", autouse=True)
def _quick_networks():
    """Make networks tiny, and fit them for two epochs."""
    quick = replace(
        MODELS["cnn"],
        classifier=lambda seed: CnnClassifier((64, 128), seed=seed, **QUICK),
        regressor=lambda seed: CnnRegressor((64, 128), seed=seed, **QUICK),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "cnn", quick)
        yield


@pytest.fixture(scope="module")
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine")


@pytest.fixture(scope="module")
def trained(sounds: Dataset) -> TrainResult:
    return train(sounds, models="cnn", window_s=0.2, name="cnn")


def test_a_single_network_is_compared_and_not_selected_on(trained: TrainResult) -> None:
    (trial,) = trained.search.trials
    assert (trial.candidate.name, trial.status) == ("cnn", "compared")
    assert not trained.search.is_selected_on
    assert trained.bundle.manifest.parts == ("image",)
    assert trained.as_json()["chosen"] == "cnn"
    assert "torch" in trained.bundle.manifest.versions


def test_file_windows_and_stream_equal_the_training(trained: TrainResult) -> None:
    model = Predictor(Bundle.from_bytes(trained.bundle.to_bytes()))
    file = trained.dataset.examples[5].file
    rows = trained.training_data.design_matrix(("image",), trained.examples.owner == 5)
    np.testing.assert_array_equal(model.pipeline.rows([read(file, rate_hz=model.pipeline.spec.rate_hz)]), rows)
    expected = trained.estimator.predict_proba(rows)
    np.testing.assert_allclose(model.graph.predict(rows), expected, atol=1e-4)
    clip = read(file)
    streamed = list(model.stream(np.split(clip.samples, [1, 777, 3000]), rate_hz=clip.rate_hz))
    assert streamed == list(model.windows(file))


def test_a_network_among_others_is_selected_on(sounds: Dataset, monkeypatch) -> None:
    monkeypatch.setattr("auricle.training.search.search.MIN_GAIN", -np.inf)  # always blend
    monkeypatch.setattr("auricle.training.search.search.classifier_weights", lambda logs, _: np.full(len(logs), 0.5))
    result = train(sounds, models="linear,cnn,blend", window_s=0.2)
    statuses = {trial.candidate.name: trial.status for trial in result.search.trials}
    assert statuses["cnn"] == "selected on"
    assert statuses["linear"] == "compared"
    assert result.search.chosen.feature_set == ("pooled", "image")
    assert result.search.is_selected_on
    model = Predictor(Bundle.from_bytes(result.bundle.to_bytes()))
    rows = result.training_data.design_matrix(result.search.chosen.feature_set)
    expected = result.estimator.predict_proba(rows)
    np.testing.assert_allclose(model.graph.predict(rows), expected, atol=1e-4)


def test_a_network_for_numbers(machine_sounds: Path) -> None:
    data = Dataset.load(machine_sounds, target="rpm", group="machine")
    result = train(data, models="cnn", window_s=0.2)
    found = Predictor(Bundle.from_bytes(result.bundle.to_bytes())).predict(data.examples[0].file)
    assert found.value is not None
    assert np.isfinite(found.value)


def test_a_budget_adds_a_network_where_torch_is_installed(monkeypatch) -> None:
    assert "cnn" in families_for_budget(("linear",))
    monkeypatch.setattr(networks, "find_spec", lambda _: None)
    assert "cnn" not in families_for_budget(("linear",))


def test_a_network_that_would_exceed_the_budget_is_skipped(sounds: Dataset, monkeypatch) -> None:
    monkeypatch.setattr("auricle.training.search.search_space.SPEC_VARIANTS", {})
    monkeypatch.setattr(CnnClassifier, "estimate_fit_s", lambda *_: 1e9)
    monkeypatch.setattr(CnnClassifier, "fit", lambda *_: pytest.fail("it was fitted"))
    found = train(sounds, models="linear,cnn", budget_s=20.0, window_s=0.2).search
    networks_skipped = [trial for trial in found.trials if trial.candidate.family == "cnn"]
    assert {trial.status for trial in networks_skipped} == {"too dear"}
    assert networks_skipped[0].estimated_s >= 1e9
    assert found.chosen.family == "linear"


def test_a_killed_training_resumes_from_its_checkpoints(sounds: Dataset, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("auricle.models.cnn.training.CHECKPOINT_INTERVAL_S", 0.0)
    epochs: list[int] = []

    def dies(stage: str, done: int, _total: int, _note: str = "") -> None:
        if stage == "epochs":
            epochs.append(done)
            if len(epochs) == 3:
                raise KilledError

    options: dict[str, Any] = {"models": "cnn", "window_s": 0.2, "name": "x", "workers": 1}
    cache = FeatureCache(tmp_path)
    with pytest.raises(KilledError):
        train(sounds, **options, cache=cache, progress=dies)
    assert len(list(tmp_path.glob("networks/*/*.npz"))) == 2
    resumed = train(sounds, **options, cache=cache, progress=dies)
    n_networks = 3 + 1  # one a group, and the last one
    assert len(epochs) == n_networks * QUICK["epochs"]
    assert list(tmp_path.glob("networks/*")) == []
    assert resumed.bundle.version == train(sounds, **options).bundle.version


@pytest.mark.usefixtures("drawn")
def test_the_report_has_occlusion_maps_of_a_network(trained: TrainResult) -> None:
    page = trained.report.html()
    assert "Attribution (occlusion maps)" in page
    assert page.count("occlusion map of ") == 3


def test_without_torch_the_extra_is_named_before_anything_is_computed(sounds: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    monkeypatch.setattr(
        "auricle.training.train.compute_features", lambda *_, **__: pytest.fail("features were computed")
    )
    with pytest.raises(UsageError, match=r"The CNN needs torch\. Install it: pip install 'auricle\[cnn\]'"):
        train(sounds, models="cnn")


def test_a_missing_device_is_an_error_before_anything_is_computed(sounds: Dataset, monkeypatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="`device` cuda needs a GPU"):
        train(sounds, models="cnn", device="cuda")
