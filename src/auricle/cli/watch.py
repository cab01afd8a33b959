"""``auricle watch``: check the champions at intervals, send alarms, and retrain on new labels."""

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

from auricle.cli.commands import end_startup
from auricle.cli.options import (
    ByOption,
    CacheOption,
    GroupOption,
    HoldOutOption,
    JsonOption,
    LabelOption,
    RateOption,
    RootOption,
    SinceOption,
    StoreOption,
    StrictOption,
    TargetOption,
    WorkersOption,
    open_store,
    size_bytes,
    span_s,
)
from auricle.cli.terminal import ALARM, STATES, err, print_json, print_omitted, stdout_console
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
    every: Annotated[str, typer.Option(help="Time between checks: 10m, 1h, 1d.")] = "1h",
    since: SinceOption = "7d",
    by: ByOption = None,
    rate: RateOption = 0.01,
    persist: Annotated[str, typer.Option(metavar="K/N", help="Raise an alarm if K of N checks find it.")] = "2/3",
    model: Annotated[str | None, typer.Option(help="Name of the model; every champion if not given.")] = None,
    retrain: Annotated[
        str | None,
        typer.Option("--retrain", metavar="DATA", help="Original data: on an alarm, retrain on it and the new labels."),
    ] = None,
    promote: Annotated[
        Literal["auto", "never"], typer.Option(help="Whether to promote a challenger that passes every gate.")
    ] = "auto",
    least_labels: Annotated[int, typer.Option(help="Fewest new labels for a retraining.")] = 50,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    hold_out: HoldOutOption = None,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Receiver of alarms and retrainings, signed with AURICLE_WEBHOOK_SECRET."),
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of the Prometheus metrics.")] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of the metrics port.")] = "127.0.0.1",
    once: Annotated[bool, typer.Option("--once", help="Make one check; exit with 4 on an alarm.")] = False,
    cache_max: CacheOption = "10GB",
    workers: WorkersOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Monitor the store's champions at intervals: keep every check, send alarms, retrain on new labels.

    Of several watches one checks, and another takes over when it ends. With --json, prints one object per line.

    Example: `auricle watch --store sqlite:///auricle.db --every 1h --retrain sounds/ --group machine`
    """
    from auricle.lifecycle.metrics import Metrics
    from auricle.lifecycle.watch import Watch, WatchConfig
    from auricle.lifecycle.webhook import SECRET_VARIABLE, Webhook

    every_s, max_bytes, stop = span_s(every), size_bytes(cache_max), threading.Event()
    if not 0 < rate < 1:
        raise UsageError(f"`--rate` must lie between 0 and 1. Got {rate:g}.")
    config = WatchConfig(
        name=model,
        since_s=span_s(since),
        rate=rate,
        by=by,
        persistence=_persistence(persist),
        least_labels=least_labels,
    )
    receiver = None if webhook is None else Webhook(webhook, os.environ.get(SECRET_VARIABLE, ""), wait=stop.wait)
    with ExitStack() as stack:
        opened = stack.enter_context(open_store(store))
        cache = stack.enter_context(closing(_cache(max_bytes))) if retrain is not None and max_bytes else None
        retrain_model = None
        if retrain is not None:
            options = {"label": label, "target": target, "group": group, "root": root}
            retrain_model = _retraining(
                opened,
                retrain,
                options,
                hold_out=hold_out,
                promote=promote,
                workers=workers,
                cache=cache,
                strict=strict,
            )
        watched = Watch(opened, config, retrain=retrain_model, webhook=receiver, metrics=Metrics())
        if metrics_port is not None:
            stack.enter_context(_serve_metrics(watched.metrics, metrics_host, metrics_port))
        if once:
            results = watched.run_once()
            _print(results, as_json=as_json)
            if any(result.check.verdict.state == "alarm" for result in results):
                raise typer.Exit(ALARM)
            return
        _stop_on_signals(stop)
        end_startup()
        watched.run(every_s=every_s, stop=stop, on_result=_print_line if as_json else _show, on_message=_print_message)


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
    hold_out: str | None,
    promote: Literal["auto", "never"],
    workers: int | None,
    cache: "FeatureCache | None",
    strict: bool,
) -> "Callable[[str], Retrained]":
    """Return a function that retrains the model of a name; the data is read once now, so that errors show at once."""
    from auricle.datasets.dataset import Dataset
    from auricle.lifecycle.retrain import RetrainConfig, retrain

    def load() -> tuple[Dataset, Dataset | None]:
        frozen = None if hold_out is None else Dataset.load(hold_out, **options)
        return Dataset.load(data, **options), frozen

    for found in load():
        print_omitted(() if found is None else found.omitted, strict=strict)

    def retrain_model(name: str) -> "Retrained":
        config = RetrainConfig(name=name, promote=promote, who="auricle watch")
        dataset, frozen = load()
        return retrain(store, dataset, config, workers=workers, cache=cache, hold_out=frozen)

    return retrain_model


@contextmanager
def _serve_metrics(metrics: "Metrics", host: str, port: int) -> Iterator[None]:
    """Serve metrics to Prometheus while the ``with`` block runs."""
    server, thread = metrics.serve(port, host=host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _stop_on_signals(stop: threading.Event) -> None:
    """Exit cleanly on SIGTERM and SIGINT; the next watch repeats an interrupted check."""

    def end(*_: object) -> None:
        stop.set()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _print(results: "tuple[WatchResult, ...]", *, as_json: bool) -> None:
    if as_json:
        print_json({"checks": [result.as_json() for result in results]})
        return
    if not results:
        err.print("No model in the store has a champion yet.")
    for result in results:
        _show(result)


def _print_line(result: "WatchResult") -> None:
    sys.stdout.write(json.dumps(result.as_json(), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _print_message(text: str) -> None:
    err.print(text, markup=False)


def _show(result: "WatchResult") -> None:
    """Print the check of one model, and its retraining."""
    from rich.text import Text

    out = stdout_console()
    verdict = result.check.verdict
    out.print(
        f"{clock.now():%Y-%m-%d %H:%M:%S}Z {result.check.model}:",
        Text(f"{verdict.state}.", style=f"bold {STATES[verdict.state]}"),
        Text(verdict.sentence),
        markup=False,
    )
    if result.retrained is not None:
        out.print(f"  retraining, {result.retrained.outcome}: {result.retrained.sentence}", markup=False)
    for problem in result.problems:
        err.print(problem, style="yellow", markup=False)
