"""Tables and what the command line and the README say of them agree."""

import re
from pathlib import Path

import pytest
import typer

from auricle.cli.main import COMMANDS, app
from auricle.features.plots import SUFFIXES
from auricle.models.table import MODELS
from auricle.prediction.formats import FORMATS
from auricle.prediction.live.pcm import SAMPLE_FORMATS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def help_of(command: str, option: str) -> str:
    """Return what ``--help`` says of one option or argument."""
    parameters = typer.main.get_command(app).commands[command].params
    (parameter,) = (parameter for parameter in parameters if parameter.name == option)
    text: str = parameter.help
    return text


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
