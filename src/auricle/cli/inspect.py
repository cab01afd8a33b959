"""``auricle inspect``: class balance, sound quality, recording faults, duplicates and leakage of a data set."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import (
    CacheOption,
    DataArgument,
    FoldOption,
    GroupOption,
    JsonOption,
    LabelOption,
    RootOption,
    StrictOption,
    TargetOption,
    WorkersOption,
    check_report,
    size_bytes,
)
from auricle.cli.terminal import TONES, Bars, err, print_json, print_omitted, stdout_console

if TYPE_CHECKING:
    from auricle.inspection.inspect import Inspection

__all__ = ["inspect"]

MAX_CLASSES = 30  # that are printed
MAX_PLACES = 12

_UNITS = {
    "duration_s": ("duration", "{:.2f} s"),
    "level_db": ("level", "{:.0f} dB"),
    "peak_db": ("peak level", "{:.0f} dB"),
    "noise_floor_db": ("noise floor", "{:.0f} dB"),
    "snr_db": ("signal over noise", "{:.0f} dB"),
    "bandwidth_hz": ("bandwidth", "{:.0f} Hz"),
    "clipped": ("clipped samples", "{:.2%}"),
    "silent": ("digital silence", "{:.1%}"),
    "dc": ("DC offset", "{:+.4f}"),
}


def inspect(
    data: DataArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Report to write: one self-contained .html file.")
    ] = None,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    fold: FoldOption = None,
    root: RootOption = None,
    cache_max: CacheOption = "10GB",
    workers: WorkersOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Inspect a data set: durations, levels, recording faults, class balance, duplicates, leakage between splits.

    Exits with 1 when some recordings cannot be read.

    Example: `auricle inspect sounds/ --group machine -o report.html`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.features.cache import FeatureCache
    from auricle.inspection.inspect import inspect as run

    check_report(output, data, root)
    max_bytes = size_bytes(cache_max)
    dataset = Dataset.load(data, label=label, target=target, group=group, fold=fold, root=root)
    print_omitted(dataset.omitted, strict=strict)
    with ExitStack() as stack:
        bars = stack.enter_context(Bars())
        cache = stack.enter_context(closing(FeatureCache(max_bytes=max_bytes))) if max_bytes else None
        inspection = run(dataset, workers=workers, cache=cache, progress=bars)
    print_omitted(inspection.dataset.omitted[len(dataset.omitted) :], strict=strict)
    if output is not None:
        from auricle.inspection.report import build_report

        build_report(inspection).save(output)
    if as_json:
        print_json(inspection.as_json())
    else:
        _show(inspection)
    if output is not None:
        err.print(f"Wrote {output}.", markup=False)
    if inspection.failures:
        raise typer.Exit(1)


def _show(inspection: "Inspection") -> None:
    """Print the classes, the measurements and the findings."""
    from rich.table import Table
    from rich.text import Text

    from auricle.inspection.report import verdict_of
    from auricle.inspection.schedule import describe, schedules

    summary = inspection.as_json()
    out = stdout_console()
    groups = summary["groups"]
    by = "by file" if groups["column"] is None else f"by {groups['column']}"
    rates = ", ".join(f"{rate} Hz ({n})" for rate, n in summary["rates_hz"].items())
    out.print(f"{summary['source']}: {summary['n_recordings']} recordings, {groups['n']} groups {by}; {rates}.")
    if summary["classes"]:
        table = Table(title="Classes", title_justify="left")
        for name in ("class", "recordings", "groups", "seconds"):
            table.add_column(name, justify="left" if name == "class" else "right")
        shown = sorted(summary["classes"].items(), key=lambda item: -item[1]["recordings"])
        for name, count in shown[:MAX_CLASSES]:
            table.add_row(Text(name), f"{count['recordings']}", f"{count['groups']}", f"{count['seconds']:.1f}")
        if len(shown) > MAX_CLASSES:
            table.add_row(f"{len(shown) - MAX_CLASSES} more", "", "", "")
        out.print(table)
    table = Table(title="Recordings", title_justify="left")
    for name in ("measurement", "min", "5%", "median", "95%", "max"):
        table.add_column(name, justify="left" if name == "measurement" else "right")
    for key, (name, pattern) in _UNITS.items():
        table.add_row(name, *(pattern.format(value) for value in summary[key].values()))
    if "target" in summary:
        table.add_row("target", *(f"{value:g}" for value in summary["target"].values()))
    out.print(table)
    for schedule in schedules(inspection.dataset)[1][:MAX_PLACES]:
        for sentence in describe(schedule):
            out.print(Text(f"schedule  {sentence}"))
    for finding in inspection.findings:
        line = Text.assemble((finding.severity, TONES[finding.severity]), f"  {finding.kind}: {finding.message}")
        out.print(line)
    tone, verdict = verdict_of(inspection.findings)
    out.print(Text(verdict, style=f"bold {TONES[tone]}"))
