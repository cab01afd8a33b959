"""``auricle doctor``: what is installed and how fast, and whether a model answers alike in every way."""

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
"""Where the server's key is looked for: on a command line, others could read it."""


def doctor(
    model: Annotated[Path | None, typer.Argument(metavar="[MODEL", help="A bundle that `auricle train` wrote.")] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE]", help="A recording to answer in every way.")] = None,
    server: Annotated[
        str | None,
        typer.Option(help=f"Address of a server with the same model; its key is read from {KEY_VARIABLE}."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed and missing, how fast this machine is, and whether a model answers alike everywhere.

    With a model and a recording: as a file, as a stream, in a folder, in a worker process and by a server; exit 1 if
    they do not agree.

    Example: `auricle doctor motor.auricle today/0001.wav --server http://127.0.0.1:8000`
    """
    from auricle.cli.environment import installed, speed

    if (model is None) != (file is None):
        raise UsageError("A model and a recording must be named together, or neither.")
    if server is not None and model is None:
        raise UsageError("`--server` must be given with a model and a recording to compare.")
    found: dict[str, Any] = {**installed(), "speed": speed()}
    parity = None
    if model is not None and file is not None:
        from auricle.prediction.consistency import compare
        from auricle.prediction.predictor import load

        predictor = load(model)
        parity = compare(predictor, file, server=server, key=os.environ.get(KEY_VARIABLE))
        started = time.perf_counter()
        sound_s = predictor.predict(file).end_s
        found["speed"]["model_x_real_time"] = round(sound_s / (time.perf_counter() - started), 1)
        found["parity"] = parity.as_json()
    if as_json:
        print_json(found)
    else:
        _show(found, parity)
    if parity is not None and not parity.agrees:
        raise typer.Exit(1)


def _show(found: dict[str, Any], parity: "Consistency | None") -> None:
    typer.echo(f"auricle {found['auricle']}, Python {found['python']}, {found['platform']}, {found['cores']} cores")
    typer.echo(", ".join(f"{name} {version}" for name, version in found["libraries"].items()))
    for extra, names in found["missing"].items():
        remedy = f"pip install 'auricle[{extra}]'" if extra else "install auricle again"
        typer.echo(f"missing: {', '.join(names)} ({remedy})")
    rates = {name.removesuffix("_x_real_time"): rate for name, rate in found["speed"].items()}
    typer.echo("one core, x real time: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()))
    if parity is None:
        return
    typer.echo(f"\n{parity.file} by {parity.model}, largest differences:")
    typer.echo(f"{'':8}{'windows':>8}{'features':>12}{'probabilities':>15}{'labels':>8}")
    for route in parity.routes:
        typer.echo(_line(route))
    typer.echo("All ways agree." if parity.agrees else "They do NOT agree: please report this.")


def _line(route: "Route") -> str:
    if route.problem is not None:
        return f"{route.name:8}{route.problem}"
    features = "-" if route.features is None else f"{route.features:.2g}"
    verdict = "ok" if route.agrees else "DIFFERS"
    return f"{route.name:8}{route.n_windows:8}{features:>12}{route.probabilities:15.2g}{route.labels:8}  {verdict}"
