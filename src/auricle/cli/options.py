"""Options that several commands share, so that they are spelled and explained once."""

import re
from pathlib import Path
from typing import Annotated

import typer

from auricle.errors import UsageError

__all__ = [
    "CacheOption",
    "DataArgument",
    "FoldOption",
    "GroupOption",
    "JsonOption",
    "LabelOption",
    "ModelArgument",
    "TargetOption",
    "WorkersOption",
    "size_bytes",
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
CacheOption = Annotated[
    str, typer.Option("--cache-max", help="Most that kept features may take on disk, such as 10GB; 0 keeps none.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", help="Threads; every core if not given.")]


_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size_bytes(text: str) -> int:
    """Return the number of bytes that a size such as ``10GB`` means.

    Raises
    ------
    UsageError : not a number followed by nothing, KB, MB, GB or TB
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?) *(|[KMGT]B)", text.strip().upper())
    if not found:
        raise UsageError(f"A size must be a number with KB, MB, GB or TB, such as 10GB. Got {text!r}.")
    return int(float(found[1]) * _UNITS[found[2]])
