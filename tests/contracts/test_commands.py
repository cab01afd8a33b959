"""Tables and what the command line and the README say of them agree."""

import inspect
import re
from pathlib import Path

import pytest
import typer

from auricle.cli.app import app, load_command
from auricle.cli.commands import COMMANDS, GROUPS
from auricle.features.plots import SUFFIXES
from auricle.models.table import MODELS
from auricle.prediction.formats import FORMATS
from auricle.prediction.live.pcm import SAMPLE_FORMATS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "auricle"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def help_of(command: str, option: str) -> str:
    """Return what ``--help`` says of one option or argument."""
    parameters = typer.main.get_command(app).commands[command].params
    (parameter,) = (parameter for parameter in parameters if parameter.name == option)
    text: str = parameter.help
    return text


def test_every_line_of_the_table_says_what_its_function_says() -> None:
    wrong = {
        name
        for name, (_, line) in COMMANDS.items()
        if line != (inspect.getdoc(load_command(name)) or "").split("\n")[0]
    }
    assert wrong == set()


def test_every_module_of_a_command_stands_in_the_table() -> None:
    named = {load_command(name).__module__ for name in COMMANDS}
    assert named == {target.partition(":")[0] for target, _ in COMMANDS.values()}
    files = (SOURCES / "cli").glob("*.py")
    documented = {
        f"auricle.cli.{file.stem}" for file in files if file.read_text(encoding="utf-8")[3:].startswith("``auricle ")
    }
    assert documented == named


def test_every_group_has_commands_and_every_command_of_two_words_a_group() -> None:
    assert GROUPS.keys() == {name.split()[0] for name in COMMANDS if " " in name}
    assert GROUPS.keys().isdisjoint(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"^.*\b(auricle|make) {name.split(maxsplit=1)[0]}\b", README, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "option", "table"),
    [
        ("train", "models", [*MODELS, "auto"]),
        ("predict", "form", FORMATS),
        ("stream", "sample_format", SAMPLE_FORMATS),
        ("plot", "output", SUFFIXES),
    ],
)
def test_help_names_all_that_may_be_chosen(command: str, option: str, table: list[str]) -> None:
    text = help_of(command, option)
    missing = [name for name in table if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    assert missing == []
