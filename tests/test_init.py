"""Public names resolve, and importing the package or predicting loads no training code."""

import importlib
import subprocess
import sys

import pytest

import auricle

HEAVY = ("sklearn", "torch", "matplotlib", "skl2onnx", "onnx", "optuna", "numba.cuda", "typer", "rich")


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a new process has loaded after a statement."""
    script = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", auricle.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(auricle, name).__name__ == name
    assert name in dir(auricle)


def test_the_tables_of_names_agree() -> None:
    assert sorted(auricle._HOME) == auricle.__all__ == sorted(auricle.__all__)
    for name, module in auricle._HOME.items():
        assert name in importlib.import_module(module).__all__ or getattr(auricle, name).__module__ == module


def test_features_is_a_module_of_functions() -> None:
    assert auricle.features.log_mel.__module__ == "auricle.features.spectrum"
    assert "features" in dir(auricle)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'auricle' has no attribute 'lode'"):
        _ = auricle.lode


def test_importing_the_package_loads_nothing() -> None:
    loaded = loaded_after("import auricle")
    assert {name for name in loaded if name.startswith("auricle")} == {"auricle"}
    assert "numpy" not in loaded


@pytest.mark.parametrize("statement", ["import auricle.prediction.predictor", "import auricle; auricle.load"])
def test_predicting_loads_no_training_code(statement: str) -> None:
    loaded = loaded_after(statement)
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint(HEAVY)
    rooms = {name.split(".")[1] for name in loaded if name.startswith("auricle.")}
    assert rooms == {"errors", "records", "tasks", "runtime", "kernels", "audio", "features", "bundles", "prediction"}
