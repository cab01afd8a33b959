"""Metadata for MLflow and the Hub is YAML in their schema."""

import json
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.bundles.card import card
from auricle.bundles.external_metadata import hub_header, mlmodel
from auricle.bundles.manifest import Manifest

yaml = pytest.importorskip("yaml", reason="it comes with the extra `test`")


@pytest.fixture(params=["states", "speeds"])
def manifest(request: pytest.FixtureRequest) -> Manifest:
    bundle: Bundle = request.getfixturevalue(f"trained_on_{request.param}").bundle
    return bundle.manifest


def header_of(text: str) -> dict[str, Any]:
    """Return a card's header, read as the Hub does: between the first two lines of three dashes."""
    before, header, _ = text.split("---\n", 2)
    assert before == ""
    read: dict[str, Any] = yaml.safe_load(header)
    return read


def test_mlflow_finds_the_loader_and_the_input(manifest: Manifest) -> None:
    descriptor = yaml.safe_load(mlmodel(manifest))
    flavour = descriptor["flavors"]["python_function"]
    assert (flavour["loader_module"], flavour["data"]) == ("auricle.prediction.pyfunc", ".")
    assert json.loads(descriptor["signature"]["inputs"]) == [{"type": "string"}]
    assert descriptor["metadata"] == {
        "name": manifest.name,
        "task": manifest.task,
        "classes": list(manifest.classes),
    }
    assert descriptor["utc_time_created"] == manifest.created


def test_the_hub_finds_the_task_and_the_scores(manifest: Manifest) -> None:
    header = header_of(card(manifest, n_recordings=24))
    assert header["library_name"] == "auricle"
    (index,) = header["model-index"]
    assert index["name"] == manifest.name
    (result,) = index["results"]
    assert result["dataset"]["name"] == manifest.protocol
    scores = {metric["name"]: metric["value"] for metric in result["metrics"]}
    if manifest.task == "classify":
        assert header["pipeline_tag"] == result["task"]["type"] == "audio-classification"
        assert scores["accuracy"] == manifest.scores["accuracy"]
    else:
        assert "pipeline_tag" not in header
        assert scores["r2"] == manifest.scores["r2"]


@pytest.mark.parametrize("name", ["yes", "1e3", "a: b", "# x", "--- é\n---", "'\"", "null", "[a]"])
def test_a_name_with_a_meaning_in_yaml_stays_a_name(manifest: Manifest, name: str) -> None:
    renamed = manifest.model_copy(update={"name": name, "protocol": name})
    assert yaml.safe_load(mlmodel(renamed))["metadata"]["name"] == name
    (index,) = yaml.safe_load(hub_header(renamed).removeprefix("---\n").removesuffix("---\n"))["model-index"]
    assert (index["name"], index["results"][0]["dataset"]["name"]) == (name, name)


def test_a_model_without_scores_has_no_index(manifest: Manifest) -> None:
    assert "model-index" not in header_of(hub_header(manifest.model_copy(update={"scores": {}})))
