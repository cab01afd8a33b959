"""Bundles that an earlier version wrote: they load, prove themselves, and answer as they did."""

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
    """Whether answers have the same keys, labels and numbers."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(is_close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(is_close, found, expected))
    if isinstance(expected, float):
        return bool(found == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE))
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_bundle_proves_itself_and_answers_as_it_did(
    name: str, data: Path, sounds: Path, expected: dict[str, Any]
) -> None:
    model = auricle.load(data / f"{name}.auricle")  # runs the golden windows
    question, answers = sounds / "question.wav", expected["bundles"][name]
    assert is_close(json.loads(json.dumps(model.predict(question).as_json())), answers["recording"])
    windows = json.loads(json.dumps([window.as_json() for window in model.windows(question)]))
    assert len(windows) > 1
    assert is_close(windows, answers["windows"])


@pytest.mark.parametrize("name", NAMES)
def test_a_module_that_a_kept_bundle_names_is_still_there(
    name: str, data: Path, sounds: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    with zipfile.ZipFile(data / f"{name}.auricle") as archive:
        archive.extractall(tmp_path)
    flavour = yaml.safe_load((tmp_path / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
    loader = import_module(flavour["loader_module"])
    (answer,) = loader._load_pyfunc(str(tmp_path / flavour["data"])).predict([sounds / "question.wav"])
    assert is_close(json.loads(json.dumps(answer)), expected["bundles"][name]["recording"])
