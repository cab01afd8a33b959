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
from auricle.cli.feedback import export_feedback, import_feedback
from auricle.cli.inspect import inspect
from auricle.cli.keys import create_key, list_keys, revoke_key
from auricle.cli.models import add_model, list_models, promote_model, roll_back, show_model
from auricle.cli.monitor import monitor
from auricle.cli.plot import plot
from auricle.cli.predict import predict
from auricle.cli.retrain import retrain
from auricle.cli.serve import serve
from auricle.cli.stream import stream
from auricle.cli.terminal import fail
from auricle.cli.train import train
from auricle.cli.watch import watch
from auricle.errors import AuricleError

__all__ = ["COMMANDS", "GROUPS", "app", "main"]

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
    "monitor": monitor,
    "keys create": create_key,
    "keys list": list_keys,
    "keys revoke": revoke_key,
    "feedback import": import_feedback,
    "feedback export": export_feedback,
    "models add": add_model,
    "models list": list_models,
    "models show": show_model,
    "models promote": promote_model,
    "models rollback": roll_back,
    "watch": watch,
    "retrain": retrain,
}
"""Every command, in the order of a newcomer's day; of two words, those of one group."""

GROUPS: dict[str, str] = {
    "keys": "API keys: who may ask a server, and for what.",
    "feedback": "What people say that recordings were.",
    "models": "The registry: every bundle, which one is champion, and how that came.",
}

app = typer.Typer(
    name="auricle",
    help="Machine learning on sound: from labelled recordings to a model that works in the world and keeps working.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
groups = {name: typer.Typer(help=text, no_args_is_help=True) for name, text in GROUPS.items()}
for name, function in COMMANDS.items():
    group, _, command = name.rpartition(" ")
    (groups[group] if group else app).command(command)(function)
for name, group_app in groups.items():
    app.add_typer(group_app, name=name)


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
