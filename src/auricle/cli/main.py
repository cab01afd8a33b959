"""The table of commands, and how an error ends one."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

import auricle
from auricle.cli.demo import demo
from auricle.cli.doctor import doctor
from auricle.cli.evaluate import evaluate
from auricle.cli.export import export
from auricle.cli.features import features
from auricle.cli.inspect import inspect
from auricle.cli.plot import plot
from auricle.cli.predict import predict
from auricle.cli.serve import serve
from auricle.cli.stream import stream
from auricle.cli.terminal import fail
from auricle.cli.train import train
from auricle.errors import AuricleError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": demo,
    "plot": plot,
    "inspect": inspect,
    "features": features,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "stream": stream,
    "doctor": doctor,
    "export": export,
    "serve": serve,
}
"""Every command, in the order of a newcomer's day."""

app = typer.Typer(
    name="auricle",
    help="Machine learning on sound: from labelled recordings to a model that works in the world and keeps working.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for name, function in COMMANDS.items():
    app.command(name)(function)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"auricle {auricle.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; exit 0 when done, 1 when some inputs failed, 2 for bad usage or unreadable input."""
    try:
        app()
    except AuricleError as error:
        fail(error, as_json="--json" in sys.argv)
