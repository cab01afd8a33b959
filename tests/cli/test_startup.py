"""A command imports only what it uses: help loads no library, and a prediction no learning."""

import subprocess
import sys
from pathlib import Path

import pytest

from auricle.cli.commands import COMMANDS

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
    """Run a command in its own process, and return the modules that it loads."""
    return loaded_by_script(f"sys.argv = ['auricle', *{list(map(str, arguments))!r}]\nmain()")


def loaded_by_script(script: str) -> set[str]:
    """Run a script in its own process, and return the modules that it loads."""
    preamble = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from auricle.cli import main\n"
    )
    done = subprocess.run([sys.executable, "-c", preamble + script], capture_output=True, text=True, check=True)
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", NOT_LOADED, ids=" ".join)
def test_help_and_version_load_what_they_use(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & NOT_LOADED[arguments] == set()


def test_the_help_of_no_command_loads_a_library() -> None:
    script = (
        f"for words in {[name.split() for name in COMMANDS]!r}:\n"
        "    sys.argv = ['auricle', *words, '--help']\n"
        "    try:\n        main()\n    except SystemExit:\n        pass\n"
    )
    loaded = loaded_by_script(script)
    assert loaded >= COMMAND_MODULES
    assert loaded & (LIBRARIES | LEARNING | LATE) == set()


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
