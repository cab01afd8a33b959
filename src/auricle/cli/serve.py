"""``auricle serve``: start the HTTP and WebSocket server of a model."""

import gc
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.commands import end_startup
from auricle.cli.options import JsonOption, StoreOption, size_bytes, span_s
from auricle.cli.terminal import err
from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.serving.settings import Settings
    from auricle.store.store import Store

__all__ = ["serve"]

_BACKLOG = 1024


def serve(
    context: typer.Context,
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]", help="Bundle to add to the store; the store's champion is served if not given."
        ),
    ] = None,
    store: StoreOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the model to serve, if the store has several.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 if not given, 0 for any free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; 1 if not given.")] = None,
    keep_audio: Annotated[
        str | None, typer.Option(help="Recordings to keep: none, review (those worth labelling) or all.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", help="Time or size that the log keeps, such as 90d or 10GB; give it twice for both."),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Serve other machines without API keys.")] = False,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address of a proxy whose forwarded headers are trusted; may be given several times."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with a table [serve] of settings.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other setting; see docs/serving.md.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve predictions over HTTP and WebSocket until stopped; every prediction is kept in the store.

    A flag overrides AURICLE_SERVE_… in the environment, which overrides the TOML file.

    Example: `auricle serve motor.auricle --store sqlite:///motor.db`
    """
    gc.disable()  # until the server is ready: start-up makes no garbage, and collecting takes an eighth of it
    context.call_on_close(gc.enable)
    from auricle.serving.inference.active_model import register
    from auricle.serving.settings import read_settings
    from auricle.store.database import DEFAULT_URL
    from auricle.store.store import Store

    flags: dict[str, Any] = dict(map(_pair, settings or ()))
    flags |= {"host": host, "port": port, "workers": workers, "keep_audio": keep_audio}
    flags |= {"insecure": True} if insecure else {}
    flags |= {"trusted_proxies": trusted_proxy} if trusted_proxy else {}
    flags |= dict(map(_retention, keep or ()))
    limits = read_settings(flags, environment=os.environ, file=config)
    url = store or DEFAULT_URL
    with Store.open(url) as opened:
        added = None if model is None else register(opened, model, who="serve", why=f"served as {model.name}")
        champion = opened.models.champion(name or (added.name if added else None))
        _check_keys(limits, opened)
    if added is not None and added.name == champion.name and added.digest != champion.digest:
        err.print(
            f"{added.id} was added. {champion.id} stays champion and is served; promote the new one with "
            f"`auricle models promote {added.id}`.",
            markup=False,
        )
    listener = _bind(limits)
    address = _address(listener, limits)
    if as_json:
        typer.echo(json.dumps({"url": address, "model": champion.id}))  # on one line, for a program that waits for it
        sys.stdout.flush()
    else:
        err.print(f"Serving {champion.id} at {address}; its API is at {address}/v1/openapi.json", markup=False)
    _run(limits, url, champion.name, listener)


def _run(limits: "Settings", url: str, name: str, listener: socket.socket) -> None:
    from auricle.serving.run import run
    from auricle.serving.supervisor import supervise

    end_startup()
    with listener:
        if limits.workers == 1:
            run(limits, url, name, listener)
        else:
            gc.enable()
            supervise(limits, url, name, listener)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"`--set` must be NAME=VALUE, such as max_sound_s=60. Got {text!r}.")
    return name.strip(), value.strip()


def _check_keys(limits: "Settings", store: "Store") -> None:
    from auricle.serving.http.middleware import is_loopback

    if not is_loopback(limits.host) and not limits.insecure and not store.keys.all():
        raise UsageError(
            f"Other machines can reach {limits.host}, and the store has no keys. Make one with `auricle keys create`, "
            "listen on 127.0.0.1, or add `--insecure` to let everybody use it."
        )


def _retention(text: str) -> tuple[str, float]:
    """Return the setting and value of ``90d`` or ``10GB``."""
    if text.strip().upper().endswith("B"):
        return "keep_mb", max(1, size_bytes(text) // 1_000_000)
    return "keep_days", span_s(text) / 86_400


def _bind(limits: "Settings") -> socket.socket:
    try:
        family = socket.getaddrinfo(limits.host, limits.port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol named, asyncio sets TCP_NODELAY; without it each reply waits 40 ms for an ack.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((limits.host, limits.port))
            listener.listen(_BACKLOG)
            listener.set_inheritable(True)  # by the worker processes
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise UsageError(
            f"The server must be able to listen on {limits.host}, port {limits.port}. It cannot: "
            f"{(error.strerror or str(error)).lower()}. Choose another by `--host` or `--port`."
        ) from error
    return listener


def _address(listener: socket.socket, limits: "Settings") -> str:
    host = f"[{limits.host}]" if ":" in limits.host else limits.host
    return f"http://{host}:{listener.getsockname()[1]}"
