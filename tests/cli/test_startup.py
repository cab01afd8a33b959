"""What a command imports is what it uses."""

import subprocess
import sys
from pathlib import Path

import pytest

from auricle.cli.main import COMMANDS

COMMAND_MODULES = {target.partition(":")[0] for target, _ in COMMANDS.values()}

PARSER = {"typer", "click", "pydantic", "importlib.metadata", "dataclasses"}
LIBRARIES = {"numpy", "scipy", "numba", "onnxruntime", "onnx", "soundfile", "soxr", "urllib.request", "sqlalchemy"}
LEARNING = {"sklearn", "skl2onnx", "onnx", "optuna", "matplotlib", "joblib", "torch", "river", "jinja2"}
LATE = {"rich", "scipy.signal", "scipy.fft", "scipy.stats", "urllib.request", "sqlalchemy", "ssl", "asyncio"}

NOT_LOADED: dict[tuple[str, ...], set[str]] = {
    ("--version",): PARSER | LIBRARIES | LEARNING | LATE | COMMAND_MODULES,
    ("--help",): LIBRARIES | LEARNING | LATE | COMMAND_MODULES | {"pydantic"},
    ("keys", "--help"): LIBRARIES | LEARNING | LATE | COMMAND_MODULES - {"auricle.cli.keys"},
    ("predict", "--help"): LIBRARIES | LEARNING | LATE | COMMAND_MODULES - {"auricle.cli.predict"},
}


def loaded_by(*arguments: object) -> set[str]:
    """Run a command in a process of its own, and return the modules that it has loaded."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from auricle.cli import main\n"
        "main()"
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", NOT_LOADED, ids=" ".join)
def test_help_and_version_load_what_they_use(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & NOT_LOADED[arguments] == set()


@pytest.mark.parametrize("output", [False, True])
def test_a_prediction_loads_what_it_uses(
    output: bool,  # noqa: FBT001
    states_file: Path,
    machine_sounds: Path,
    tmp_path: Path,
) -> None:
    clip = machine_sounds.parent / "clips" / "0001.wav"
    to_file = ["-o", tmp_path / "out.jsonl", "--json"] if output else []
    loaded = loaded_by("predict", states_file, clip, *to_file)
    assert "onnxruntime" in loaded
    assert loaded & (LEARNING | LATE | COMMAND_MODULES - {"auricle.cli.predict"}) == set()
