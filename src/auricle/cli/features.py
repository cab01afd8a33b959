"""``auricle features``: the rows of a data set as a table."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from auricle import files
from auricle.cli.options import (
    DataArgument,
    FoldOption,
    GroupOption,
    JsonOption,
    LabelOption,
    TargetOption,
    WorkersOption,
)
from auricle.cli.terminal import Bars, print_json
from auricle.errors import UsageError

__all__ = ["features"]


def features(
    data: DataArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table to write: .csv.")],
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    fold: FoldOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one row a window: file, start, end, group, truth, then the named features that training would use.

    Example: `auricle features sounds/ -o rows.csv`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.examples import extract
    from auricle.datasets.survey import survey
    from auricle.training.choices import choose_spec

    if output.suffix.lower() != ".csv":
        raise UsageError(f"{output}: the table's name must end in .csv.")
    files.check_writable(output)
    dataset = Dataset.load(data, label=label, target=target, group=group, fold=fold)
    spec = choose_spec(survey(dataset, workers=workers))
    with Bars() as bars:
        _, examples, _ = extract(dataset, spec, workers=workers, progress=bars)
    with files.new_file(output) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(
            ["file", "start_s", "end_s", "group", "label" if dataset.task == "classify" else "target", *spec.columns]
        )
        for row, owner, start_s, end_s in zip(
            examples.rows, examples.owner, examples.start_s, examples.end_s, strict=True
        ):
            example = dataset.examples[owner]
            truth = example.label if dataset.task == "classify" else example.target
            table.writerow([example.file, start_s, end_s, example.group, truth, *row.tolist()])
        text.flush()
        text.detach()  # closing belongs to `new_file`
    if as_json:
        shape = {"n_recordings": len(dataset.examples), "n_rows": len(examples.rows), "columns": list(spec.columns)}
        print_json({**shape, "output": str(output)})
