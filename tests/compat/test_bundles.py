"""Bundles of an earlier version load, pass their self-test and predict as before."""

import json
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import auricle

NAMES = ("forest", "number", "network", "embedding")

TOLERANCE = 1e-6


def is_close(found: Any, expected: Any) -> bool:
    """Return whether two predictions have the same keys, labels and numbers."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(is_close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_close, found, expected))
    if isinstance(expected, float):
        return bool(found == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE))
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("name", NAMES)
def test_an_old_bundle_passes_its_self_test_and_predicts_as_before(
    name: str, data: Path, sounds: Path, expected: dict[str, Any]
) -> None:
    model = auricle.load(data / f"{name}.auricle")  # runs the self-test
    question, before = sounds / "question.wav", expected["bundles"][name]
    assert is_close(json.loads(json.dumps(model.predict(question).as_json())), before["recording"])
    windows = json.loads(json.dumps([window.as_json() for window in model.windows(question)]))
    assert len(windows) > 1
    assert is_close(windows, before["windows"])


@pytest.mark.parametrize("name", NAMES)
def test_the_mlflow_loader_of_an_old_bundle_still_exists(
    name: str, data: Path, sounds: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    with zipfile.ZipFile(data / f"{name}.auricle") as archive:
        archive.extractall(tmp_path)
    flavour = yaml.safe_load((tmp_path / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
    loader = import_module(flavour["loader_module"])
    (prediction,) = loader._load_pyfunc(str(tmp_path / flavour["data"])).predict([sounds / "question.wav"])
    assert is_close(json.loads(json.dumps(prediction)), expected["bundles"][name]["recording"])
