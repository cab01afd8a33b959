"""``auricle monitor``: whether a model still hears what it was made for, and what happened if it does not."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from auricle.cli.options import (
    ByOption,
    GroupOption,
    JsonOption,
    LabelOption,
    RateOption,
    ReportOption,
    RootOption,
    SinceOption,
    WorkersOption,
    check_page,
    duration_s,
)
from auricle.cli.terminal import ALARM, STATES, Bars, err, print_json
from auricle.errors import UsageError
from auricle.runtime import clock

if TYPE_CHECKING:
    from auricle.bundles.bundle import Bundle
    from auricle.monitoring.check import Check
    from auricle.monitoring.sources.sample import Sample

__all__ = ["monitor"]


def monitor(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A bundle that `auricle train` wrote.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Recordings that it heard, labelled or not: a folder, a table, a file. Without it, the store's.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="URL", help="Where answers are kept: sqlite:///FILE or postgresql://…."),
    ] = None,
    since: SinceOption = "7d",
    by: ByOption = None,
    rate: RateOption = 0.01,
    label: LabelOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    report: ReportOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what a model hears with what it saw in training: drift, its cause, how good it is, a verdict.

    Exits with 4 on an alarm, with 1 when some recordings cannot be answered.

    With `--store` and no recordings, it looks at what a server was asked and answered.

    Example: `auricle monitor motor.auricle live/ --by site --report report.html`
    """
    check_page(report)
    if (store is None) == (data is None):
        raise UsageError("Name either a model and the recordings that it heard, or `--store`.")
    if data is None and (label, group, root) != (None, None, None):
        raise UsageError(
            "`--label` and `--group` name columns of a table, and `--root` says where its files are; "
            "the store knows all three of each entry."
        )
    if data is not None and model is None:
        raise UsageError("Recordings need the model that hears them: auricle monitor MODEL DATA.")
    watched, n_failed = (
        _answered(model, data, {"label": label, "group": group, "root": root}, workers)
        if model is not None and data is not None
        else _logged(str(store), model, since)
    )
    checks = [(_check(bundle, window, rate, by), bundle, window) for bundle, window in watched]
    if report is not None:
        from auricle.monitoring.report import build_report

        build_report(checks, by=by).save(report)
    _print(checks, as_json=as_json)
    if report is not None:
        err.print(f"Wrote {report}.", markup=False)
    if any(check.verdict.state == "alarm" for check, _, _ in checks):
        raise typer.Exit(ALARM)
    if n_failed:
        raise typer.Exit(1)


Watched = tuple[list[tuple["Bundle", "Sample"]], int]


def _answered(model: Path, data: str, options: dict[str, Any], workers: int | None) -> Watched:
    from auricle.monitoring.sources.from_files import samples_from_files
    from auricle.monitoring.sources.recordings import find_recordings
    from auricle.monitoring.sources.training_overlap import drop_unprofiled
    from auricle.prediction.predictor import load

    loaded = load(model)
    recordings = find_recordings(data, loaded.classes, **options)
    with Bars() as bars:
        window, failures = samples_from_files(loaded, recordings, workers=workers, progress=bars)
    for failure in failures:
        err.print(str(failure.error), style="yellow", markup=False)
    window, n_unkept = drop_unprofiled(window, loaded.bundle.profile)
    if n_unkept:
        told = "recordings were in the training set, and nothing is known of them to compare with: they are left out."
        err.print(f"{n_unkept} {told}", style="yellow", markup=False)
    return [(loaded.bundle, window)], len(failures)


def _logged(url: str, model: Path | None, since: str) -> Watched:
    from auricle.bundles.bundle import Bundle
    from auricle.monitoring.sources.from_store import registered_bundle, samples_from_store
    from auricle.store.predictions.filters import Filter
    from auricle.store.store import Store

    back_s = duration_s(since)
    own = None if model is None else Bundle.load(model)
    which = Filter(
        since=None if back_s is None else clock.now() - timedelta(seconds=back_s), model=None if own is None else own.id
    )
    with Store.open(url, create=False) as store:
        found, failures = samples_from_store(store.scan(which), lambda name: own or registered_bundle(store, name))
    for name, error in failures.items():
        err.print(f"{name} cannot be judged: {error}", style="yellow", markup=False)
    if not found and failures:
        raise next(iter(failures.values()))
    return list(found.values()), len(failures)


def _check(bundle: "Bundle", window: "Sample", rate: float, by: str | None) -> "Check":
    from auricle.monitoring.check import check
    from auricle.monitoring.sources.sample import reference_sample

    rate_hz = bundle.manifest.spec.rate_hz
    return check(reference_sample(bundle), window, model_rate_hz=rate_hz, rate=rate, by=by)


def _print(checks: list[tuple["Check", "Bundle", "Sample"]], *, as_json: bool) -> None:
    worst = max((check.verdict.state for check, _, _ in checks), key=list(STATES).index, default="watch")
    if as_json:
        print_json({"verdict": worst, "checks": [check.as_json() for check, _, _ in checks]})
        return
    out = Console(highlight=False, emoji=False, soft_wrap=True)
    if not checks:
        out.print("Not enough yet: 0 recordings were logged in this time.")
    for check, _, _ in checks:
        _show(check, out)


def _show(check: "Check", out: Console) -> None:
    """Print a check for a reader."""
    verdict = check.verdict
    out.print(Text(f"{verdict.state}: {verdict.sentence}", style=f"bold {STATES[verdict.state]}"))
    out.print(f"{check.model}: {check.n} recordings of {check.n_groups} groups, against {check.n_reference}.")
    told = check.as_json()
    for line in _scores(told):
        out.print(line, markup=False)
    for note in check.notes:
        out.print(note, markup=False)
    if told["drift"] is not None and verdict.found == "alarm":
        table = Table(title="What moved most", title_justify="left")
        for name in ("measure", "before", "now", "spreads", "q"):
            table.add_column(name, justify="left" if name == "measure" else "right")
        moved = sorted(told["drift"]["columns"], key=lambda one: -one["effect"])[:8]
        for one in moved:
            cells = (f"{one['before']:.4g}", f"{one['after']:.4g}", f"{one['effect']:.2f}", f"{one['q']:.1g}")
            table.add_row(Text(one["name"]), *cells)
        out.print(table)
    for number, step in enumerate(verdict.steps, 1):
        out.print(f"{number}. {step}", markup=False)


def _scores(told: dict[str, Any]) -> list[str]:
    lines = []
    estimate, measured = told["estimate"], told["measured"]
    if estimate is not None and estimate["value"] is not None:
        low, high = estimate["interval"]
        lines.append(
            f"Estimated {estimate['score']} {estimate['value']:.3g} (95% interval {low:.3g} to {high:.3g}); it was "
            f"{estimate['reference']:.3g}. {estimate['assumption']}"
        )
    if measured is not None:
        lag = "" if measured["lag_s"] is None else f", {measured['lag_s'] / 3600:.1f} hours late at the median"
        lines.append(
            f"Measured {measured['score']} {measured['value']:.3g} by {measured['n']} labels "
            f"({measured['coverage']:.0%} of all recordings{lag}); it was {measured['reference']:.3g}."
        )
    return lines
