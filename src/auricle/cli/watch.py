"""``auricle watch``: the monitor as a loop, beside the server."""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from auricle.cli.options import (
    ByOption,
    CacheOption,
    GroupOption,
    JsonOption,
    LabelOption,
    RateOption,
    RootOption,
    SinceOption,
    StoreOption,
    TargetOption,
    WorkersOption,
    open_store,
    size_bytes,
    span_s,
)
from auricle.cli.terminal import ALARM, STATES, err, print_json
from auricle.errors import UsageError
from auricle.runtime import clock

if TYPE_CHECKING:
    from auricle.features.cache import FeatureCache
    from auricle.lifecycle.metrics import Metrics
    from auricle.lifecycle.retrain import Retrained
    from auricle.lifecycle.watch import WatchResult
    from auricle.monitoring.verdict import Persistence
    from auricle.store.store import Store

__all__ = ["watch"]


def watch(
    store: StoreOption = None,
    every: Annotated[str, typer.Option(help="From one check to the next: 10m, 1h, 1d.")] = "1h",
    since: SinceOption = "7d",
    by: ByOption = None,
    rate: RateOption = 0.01,
    persist: Annotated[str, typer.Option(metavar="K/N", help="An alarm is found in K of N checks.")] = "2/3",
    model: Annotated[str | None, typer.Option(help="Name of the model; every champion if not given.")] = None,
    retrain: Annotated[
        str | None,
        typer.Option("--retrain", metavar="DATA", help="The original data: on an alarm, retrain on it and the labels."),
    ] = None,
    promote: Annotated[
        Literal["auto", "never"], typer.Option(help="What becomes of a challenger that passes every gate.")
    ] = "auto",
    least_labels: Annotated[int, typer.Option(help="New labels that a retraining is worth.")] = 50,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Who is told of alarms and retrainings, signed by AURICLE_WEBHOOK_SECRET."),
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port on which Prometheus may ask.")] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of that port.")] = "127.0.0.1",
    once: Annotated[bool, typer.Option("--once", help="Make one check and end: exit 4 on an alarm.")] = False,
    cache_max: CacheOption = "10GB",
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check what the store's champions hear, again and again; keep every check, tell of alarms, retrain on labels.

    However many run, one checks; another takes over when it ends. With --json it prints an object a check and line.

    Example: `auricle watch --store sqlite:///auricle.db --every 1h --retrain sounds/ --group machine`
    """
    from auricle.lifecycle.metrics import Metrics
    from auricle.lifecycle.watch import Watch, WatchConfig
    from auricle.lifecycle.webhook import SECRET_VARIABLE, Webhook

    every_s, max_bytes, stop = span_s(every), size_bytes(cache_max), threading.Event()
    if not 0 < rate < 1:
        raise UsageError(f"`--rate` must lie between 0 and 1. Got {rate:g}.")
    asked = WatchConfig(
        name=model,
        since_s=span_s(since),
        rate=rate,
        by=by,
        persistence=_persistence(persist),
        least_labels=least_labels,
    )
    told = None if webhook is None else Webhook(webhook, os.environ.get(SECRET_VARIABLE, ""), wait=stop.wait)
    with ExitStack() as stack:
        opened = stack.enter_context(open_store(store))
        cache = stack.enter_context(closing(_cache(max_bytes))) if retrain is not None and max_bytes else None
        again = None
        if retrain is not None:
            options = {"label": label, "target": target, "group": group, "root": root}
            again = _retraining(opened, retrain, options, promote=promote, workers=workers, cache=cache)
        watched = Watch(opened, asked, retrain=again, webhook=told, metrics=Metrics())
        if metrics_port is not None:
            stack.enter_context(_answering(watched.metrics, metrics_host, metrics_port))
        if once:
            rounds = watched.once()
            _print(rounds, as_json=as_json)
            if any(one.check.verdict.state == "alarm" for one in rounds):
                raise typer.Exit(ALARM)
            return
        _stop_on_signals(stop)
        watched.run(
            every_s=every_s, stop=stop, tell=_line if as_json else _show, say=lambda text: err.print(text, markup=False)
        )


def _persistence(text: str) -> "Persistence":
    from auricle.monitoring.verdict import Persistence

    found = re.fullmatch(r"([0-9]+) */ *([0-9]+)", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"`--persist` must be K/N, K from 1 to N, such as 2/3. Got {text!r}.")
    return Persistence(int(found[1]), int(found[2]))


def _cache(max_bytes: int) -> "FeatureCache":
    from auricle.features.cache import FeatureCache

    return FeatureCache(max_bytes=max_bytes)


def _retraining(
    store: "Store",
    data: str,
    options: dict[str, Any],
    *,
    promote: Literal["auto", "never"],
    workers: int | None,
    cache: "FeatureCache | None",
) -> "Callable[[str], Retrained]":
    """Return what retrains a model; the data is read now, so that what is wrong with it is said at once."""
    from auricle.datasets.dataset import Dataset
    from auricle.lifecycle.retrain import RetrainConfig, retrain

    def load() -> Dataset:
        return Dataset.load(data, **options)

    load()

    def again(name: str) -> "Retrained":
        config = RetrainConfig(name=name, promote=promote, who="auricle watch")
        return retrain(store, load(), config, workers=workers, cache=cache)

    return again


@contextmanager
def _answering(metrics: "Metrics", host: str, port: int) -> Iterator[None]:
    """Answer Prometheus while the block runs."""
    server, thread = metrics.serve(port, host=host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _stop_on_signals(stop: threading.Event) -> None:
    """End cleanly on SIGTERM and SIGINT: what is under way is given up, and goes on when the watch runs again."""

    def end(*_: object) -> None:
        stop.set()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _print(rounds: "tuple[WatchResult, ...]", *, as_json: bool) -> None:
    if as_json:
        print_json({"checks": [one.as_json() for one in rounds]})
        return
    if not rounds:
        err.print("No model in the store has a champion yet.")
    for one in rounds:
        _show(one)


def _line(one: "WatchResult") -> None:
    sys.stdout.write(json.dumps(one.as_json(), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    err.print(text, markup=False)


def _show(one: "WatchResult") -> None:
    """Print what was found of one model for a reader."""
    out = Console(highlight=False, emoji=False, soft_wrap=True)
    verdict = one.check.verdict
    out.print(
        f"{clock.now():%Y-%m-%d %H:%M:%S}Z {one.check.model}:",
        Text(f"{verdict.state}.", style=f"bold {STATES[verdict.state]}"),
        Text(verdict.sentence),
        markup=False,
    )
    if one.retrained is not None:
        out.print(f"  retraining, {one.retrained.outcome}: {one.retrained.sentence}", markup=False)
    for problem in one.problems:
        err.print(problem, style="yellow", markup=False)
