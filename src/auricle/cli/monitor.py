"""``auricle monitor``: check recordings or a server's log for drift, its causes, and the quality of predictions."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import (
    ByOption,
    GroupOption,
    JsonOption,
    LabelOption,
    RateOption,
    ReportOption,
    RootOption,
    SinceOption,
    StrictOption,
    WorkersOption,
    check_report,
    duration_s,
)
from auricle.cli.terminal import ALARM, STATES, Bars, err, print_json, print_omitted, stdout_console
from auricle.errors import UsageError
from auricle.runtime import clock

if TYPE_CHECKING:
    from rich.console import Console

    from auricle.bundles.bundle import Bundle
    from auricle.monitoring.check import Check
    from auricle.monitoring.sources.sample import Sample
    from auricle.records import Omitted

__all__ = ["monitor"]


def monitor(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A bundle that `auricle train` wrote.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Recordings to check, labelled or not: a folder, a table or a file; those of the store if not given.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="URL", help="Store of a server's predictions: sqlite:///FILE or postgresql://…."
        ),
    ] = None,
    since: SinceOption = "7d",
    by: ByOption = None,
    rate: RateOption = 0.01,
    label: LabelOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    report: ReportOption = None,
    workers: WorkersOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare live sound with the training data: drift and its cause, estimated and measured quality, a verdict.

    Exits with 4 on an alarm, and with 1 if some recordings fail.

    With `--store` and no recordings, it checks the predictions that a server logged.

    Example: `auricle monitor motor.auricle live/ --by site --report report.html`
    """
    check_report(report, model, data, root)
    if (store is None) == (data is None):
        raise UsageError("Name either a model and recordings, or `--store`.")
    if data is None and (label, group, root) != (None, None, None):
        raise UsageError(
            "`--label`, `--group` and `--root` must be given with a table of recordings: the store has labels, groups "
            "and files of its own."
        )
    if data is not None and model is None:
        raise UsageError("Recordings must be given with a model: auricle monitor MODEL DATA.")
    samples, n_failed, omitted = (
        _from_files(model, data, {"label": label, "group": group, "root": root}, workers, strict=strict)
        if model is not None and data is not None
        else _from_store(str(store), model, since)
    )
    checks = [(_check(bundle, sample, rate, by), bundle, sample) for bundle, sample in samples]
    if report is not None:
        from auricle.monitoring.report import build_report

        build_report(checks, by=by, omitted=omitted).save(report)
    _print(checks, omitted, as_json=as_json)
    if report is not None:
        err.print(f"Wrote {report}.", markup=False)
    if any(check.verdict.state == "alarm" for check, _, _ in checks):
        raise typer.Exit(ALARM)
    if n_failed:
        raise typer.Exit(1)


Samples = tuple[list[tuple["Bundle", "Sample"]], int, tuple["Omitted", ...]]


def _from_files(model: Path, data: str, options: dict[str, Any], workers: int | None, *, strict: bool) -> Samples:
    from auricle.monitoring.sources.from_files import samples_from_files
    from auricle.monitoring.sources.recordings import find_recordings
    from auricle.monitoring.sources.training_overlap import drop_unprofiled
    from auricle.prediction.predictor import load
    from auricle.records import Omitted

    loaded = load(model)
    found = find_recordings(data, loaded.classes, **options)
    print_omitted(found.omitted, strict=strict)
    with Bars() as bars:
        sample, failures = samples_from_files(loaded, found.examples, workers=workers, progress=bars)
    for failure in failures:
        err.print(str(failure.error), style="yellow", markup=False)
    sample, n_without_reference = drop_unprofiled(sample, loaded.bundle.profile)
    reason = "in the training set, and the bundle keeps no out-of-fold predictions of them"
    unprofiled = (Omitted("recordings", reason, n_without_reference),) if n_without_reference else ()
    print_omitted(unprofiled, strict=strict)
    return [(loaded.bundle, sample)], len(failures), (*found.omitted, *unprofiled)


def _from_store(url: str, model: Path | None, since: str) -> Samples:
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
        err.print(f"{name} cannot be checked: {error}", style="yellow", markup=False)
    if not found and failures:
        raise next(iter(failures.values()))
    return list(found.values()), len(failures), ()


def _check(bundle: "Bundle", sample: "Sample", rate: float, by: str | None) -> "Check":
    from auricle.monitoring.check import check
    from auricle.monitoring.sources.sample import reference_sample

    rate_hz = bundle.manifest.spec.rate_hz
    return check(reference_sample(bundle), sample, model_rate_hz=rate_hz, rate=rate, by=by)


def _print(checks: list[tuple["Check", "Bundle", "Sample"]], omitted: "Sequence[Omitted]", *, as_json: bool) -> None:
    worst = max((check.verdict.state for check, _, _ in checks), key=list(STATES).index, default="watch")
    if as_json:
        found = [check.as_json() for check, _, _ in checks]
        print_json({"verdict": worst, "omitted": [one.as_json() for one in omitted], "checks": found})
        return
    out = stdout_console()
    if not checks:
        out.print("Not enough yet: 0 recordings were logged in this time.")
    for check, _, _ in checks:
        _show(check, out)


def _show(check: "Check", out: "Console") -> None:
    """Print the verdict, the scores, the largest shifts and the next steps of a check."""
    from rich.table import Table
    from rich.text import Text

    verdict = check.verdict
    out.print(Text(f"{verdict.state}: {verdict.sentence}", style=f"bold {STATES[verdict.state]}"))
    told = check.units.n_sources
    of = f"of {told} source{'s' * (told != 1)}" if told is not None else f"({check.units.n} independent units)"
    out.print(f"{check.model}: {check.n} recordings {of}, against {check.n_reference} of training.", markup=False)
    found = check.as_json()
    for line in _scores(found):
        out.print(line, markup=False)
    for note in check.notes:
        out.print(note, markup=False)
    if found["drift"] is not None and verdict.found == "alarm":
        table = Table(title="Largest shifts", title_justify="left")
        for name in ("feature", "training", "now", "shift in standard deviations", "q"):
            table.add_column(name, justify="left" if name == "feature" else "right")
        for shift in sorted(found["drift"]["columns"], key=lambda shift: -shift["effect"])[:8]:
            cells = (f"{shift['before']:.4g}", f"{shift['after']:.4g}", f"{shift['effect']:.2f}", f"{shift['q']:.1g}")
            table.add_row(Text(shift["name"]), *cells)
        out.print(table)
    for number, step in enumerate(verdict.steps, 1):
        out.print(f"{number}. {step}", markup=False)


def _scores(found: dict[str, Any]) -> list[str]:
    lines = []
    estimate, measured = found["estimate"], found["measured"]
    if estimate is not None and estimate["value"] is not None:
        low, high = estimate["interval"]
        lines.append(
            f"Estimated {estimate['score']} {estimate['value']:.3g} (95% interval {low:.3g} to {high:.3g}); in "
            f"training {estimate['reference']:.3g}. {estimate['assumption']}"
        )
    if measured is not None:
        lag = "" if measured["lag_s"] is None else f", {measured['lag_s'] / 3600:.1f} hours after prediction (median)"
        lines.append(
            f"Measured {measured['score']} {measured['value']:.3g} on {measured['n']} labels "
            f"({measured['coverage']:.0%} of the recordings{lag}); in training {measured['reference']:.3g}."
        )
    return lines
