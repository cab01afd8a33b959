"""``auricle feedback``: import and export labels for logged predictions."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import JsonOption, StoreOption, open_store
from auricle.cli.outputs import check_output
from auricle.cli.terminal import err, print_json
from auricle.errors import AuricleError, UsageError
from auricle.runtime import clock, files

if TYPE_CHECKING:
    from auricle.store.labels.feedback import FeedbackEntry
    from auricle.store.predictions.scan import Batch
    from auricle.store.store import Store

__all__ = ["COLUMNS", "export_feedback", "import_feedback"]

COLUMNS = ("id", "label", "target", "who", "key", "via", "time", "answer", "model", "file")
"""Columns of the exported table; `import` reads the first four."""

_MAX_SHOWN = 20  # refused labels

_ReadLabel = tuple[str, "FeedbackEntry | AuricleError"]


def import_feedback(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A table (.csv) with id and label or target, or annotations (.txt), such as an Audacity label track.",
        ),
    ],
    who: Annotated[str, typer.Option("--who", help="Author of the labels, if the table names none.")] = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import labels for logged predictions: by id from a table, or by file name and time from a label track.

    The label track `engine.txt` labels predictions of `engine.wav`. Labels that cannot be imported are listed,
    the others are imported, and the exit code is 1.

    Example: `auricle feedback import labels.csv --who ann`
    """
    with open_store(store) as opened:
        read = list(_track(opened, file, who) if file.suffix.lower() == ".txt" else _table(file, who))
        outcomes = opened.feedback.add_all(entry for _, entry in read if not isinstance(entry, AuricleError))
    taken = iter(outcome for _, outcome in outcomes)
    results = [(where, entry if isinstance(entry, AuricleError) else next(taken)) for where, entry in read]
    failed = [(where, outcome) for where, outcome in results if isinstance(outcome, AuricleError)]
    n_taken = len(results) - len(failed)
    if as_json:
        print_json({"taken": n_taken, "failed": [{"where": where, "error": e.as_json()} for where, e in failed]})
    else:
        for where, error in failed[:_MAX_SHOWN]:
            err.print(f"{where}: {error}", style="yellow", markup=False)
        err.print(f"Labels imported: {n_taken}; refused: {len(failed)}.", markup=False)
    if failed:
        raise typer.Exit(1)


def export_feedback(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Table to write, .csv; stdout if not given.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="name@version, or name for all its versions.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export every labelled prediction with its latest label, one row each.

    Example: `auricle feedback export -o labels.csv`
    """
    from auricle.store.predictions.filters import Filter

    with open_store(store) as opened:
        rows = [row for batch in opened.scan(Filter(model=model, labelled=True)) for row in _rows(batch)]
    if as_json:
        print_json({"feedback": rows})
        return
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if output is None:
        sys.stdout.write(text.getvalue())
        return
    if output.suffix.lower() != ".csv":
        raise UsageError(f"{output}: the table's name must end in .csv.")
    check_output(output, "table of labels")
    files.write_bytes(output, text.getvalue().encode())
    err.print(f"Wrote {output}; labels: {len(rows)}.", markup=False)


def _table(file: Path, who: str) -> Iterator[_ReadLabel]:
    """Read labels by id from a table; an empty cell in `label` or `target` is no label."""
    from auricle.datasets.tables.text import read_csv
    from auricle.store.labels.feedback import FeedbackEntry

    table = read_csv(file)
    if "id" not in table.columns or not {"label", "target"} & set(table.columns):
        raise UsageError(
            f"{file}: feedback must have the columns `id` and `label` or `target`. It has {', '.join(table.columns)}."
        )
    for row in table.rows:
        cells = row.cells
        try:
            target = float(cells["target"]) if cells.get("target") else None
        except ValueError:
            yield row.where, UsageError(f"A `target` must be a number. Got {cells['target'][:80]!r}.")
        else:
            yield (
                row.where,
                FeedbackEntry(cells["id"], cells.get("label") or None, target, who=cells.get("who") or who, via="csv"),
            )


def _track(store: "Store", file: Path, who: str) -> Iterator[_ReadLabel]:
    """Read annotations of a recording, and match their labels to predictions by file name and time."""
    from auricle.datasets.annotations.reader import read_marks
    from auricle.store.labels.label_matching import TimedLabel, match_labels

    read = read_marks(file)
    for _, reason, where in read.left_out:
        yield where, UsageError(f"Left out: {reason}.")
    labels: dict[str, list[TimedLabel]] = {}
    for mark in read.marks:
        name = PurePosixPath(mark.recording[-1].replace("\\", "/")).stem if mark.recording else file.stem
        labels.setdefault(name, []).append(TimedLabel(float(mark.start_s), float(mark.end_s), mark.label, mark.where))
    for name, of_recording in labels.items():
        for label, entry in match_labels(store.database, name, of_recording, who=who):
            yield label.where, entry


def _rows(batch: "Batch") -> Iterator[dict[str, Any]]:
    times = [clock.from_us(int(us)).isoformat(timespec="seconds") for us in batch.truth_times.view("i8")]
    for index in range(len(batch)):
        truth = batch.truth[index]
        yield {
            "id": str(batch.ids[index]),
            "label": truth if batch.classes else "",
            "target": "" if batch.classes else float(truth),
            "who": str(batch.truth_by[index]),
            "key": str(batch.truth_keys[index]),
            "via": str(batch.truth_via[index]),
            "time": times[index],
            "answer": str(batch.labels[index]) if batch.classes else float(batch.values[index]),
            "model": batch.model,
            "file": str(batch.sources[index]),
        }
