"""``auricle doctor``: installed packages, speed, and whether all routes of prediction agree."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import JsonOption
from auricle.cli.terminal import print_json
from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.prediction.consistency import Consistency, Route

__all__ = ["KEY_VARIABLE", "doctor"]

KEY_VARIABLE = "AURICLE_KEY"
"""Environment variable of the server's key; on a command line, other users could read it."""


def doctor(
    model: Annotated[Path | None, typer.Argument(metavar="[MODEL", help="A bundle that `auricle train` wrote.")] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE]", help="Recording to predict by every route.")] = None,
    server: Annotated[
        str | None,
        typer.Option(help=f"Address of a server with the same model; its key is read from {KEY_VARIABLE}."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is installed and missing and how fast it is; with a model, check that all routes predict the same.

    With a model and a recording, compares predictions as a file, as a stream, in a folder, in a worker process and by a
    server; exits with 1 if they differ.

    Example: `auricle doctor motor.auricle today/0001.wav --server http://127.0.0.1:8000`
    """
    from auricle.cli.environment import installed, speed

    if (model is None) != (file is None):
        raise UsageError("A model and a recording must be named together, or neither.")
    if server is not None and model is None:
        raise UsageError("`--server` must be given with a model and a recording to compare.")
    found: dict[str, Any] = {**installed(), "speed": speed()}
    consistency = None
    if model is not None and file is not None:
        from auricle.prediction.consistency import compare
        from auricle.prediction.predictor import load

        predictor = load(model)
        consistency = compare(predictor, file, server=server, key=os.environ.get(KEY_VARIABLE))
        started = time.perf_counter()
        sound_s = predictor.predict(file).end_s
        found["speed"]["model_x_real_time"] = round(sound_s / (time.perf_counter() - started), 1)
        found["parity"] = consistency.as_json()
    if as_json:
        print_json(found)
    else:
        _show(found, consistency)
    if consistency is not None and not consistency.agrees:
        raise typer.Exit(1)


def _show(found: dict[str, Any], consistency: "Consistency | None") -> None:
    typer.echo(f"auricle {found['auricle']}, Python {found['python']}, {found['platform']}, {found['cores']} cores")
    typer.echo(", ".join(f"{name} {version}" for name, version in found["libraries"].items()))
    for extra, names in found["missing"].items():
        remedy = f"pip install 'auricle[{extra}]'" if extra else "install auricle again"
        typer.echo(f"missing: {', '.join(names)} ({remedy})")
    rates = {name.removesuffix("_x_real_time"): rate for name, rate in found["speed"].items()}
    typer.echo("one core, x real time: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()))
    if consistency is None:
        return
    typer.echo(f"\n{consistency.file} by {consistency.model}, largest differences:")
    typer.echo(f"{'':8}{'windows':>8}{'features':>12}{'probabilities':>15}{'labels':>8}")
    for route in consistency.routes:
        typer.echo(_line(route))
    typer.echo("All routes agree." if consistency.agrees else "The routes do NOT agree: please report this.")


def _line(route: "Route") -> str:
    if route.problem is not None:
        return f"{route.name:8}{route.problem}"
    features = "-" if route.features is None else f"{route.features:.2g}"
    verdict = "ok" if route.agrees else "DIFFERS"
    return f"{route.name:8}{route.n_windows:8}{features:>12}{route.probabilities:15.2g}{route.labels:8}  {verdict}"
