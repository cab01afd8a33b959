"""Options that several commands share, so that they are spelled and explained once."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DataArgument",
    "FoldOption",
    "GroupOption",
    "JsonOption",
    "LabelOption",
    "ModelArgument",
    "TargetOption",
    "WorkersOption",
]

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder with one sub-folder per class, a table (.csv, .jsonl), or a folder with metadata.csv.",
    ),
]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A bundle that `auricle train` wrote.")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Column that holds the class.")]
TargetOption = Annotated[str | None, typer.Option("--target", help="Column that holds the number to predict.")]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="Column of what must not stand on both sides of a split: machine, site, speaker."),
]
FoldOption = Annotated[str | None, typer.Option("--fold", help="Column of published folds.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", help="Threads; every core if not given.")]
