"""Options that several commands share, so that they are spelled and explained once."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.errors import UsageError
from auricle.runtime import files

if TYPE_CHECKING:
    from auricle.prediction.bulk.outbox import EntryWriter
    from auricle.store.store import Store

__all__ = [
    "ByOption",
    "CacheOption",
    "DataArgument",
    "EngineOption",
    "FoldOption",
    "GroupOption",
    "JsonOption",
    "KeepOption",
    "LabelOption",
    "ModelArgument",
    "RateOption",
    "ReportOption",
    "RootOption",
    "SinceOption",
    "StoreOption",
    "TargetOption",
    "WorkersOption",
    "check_page",
    "duration_s",
    "open_outbox",
    "open_store",
    "size_bytes",
    "span_s",
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
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", metavar="DIR", help="Where relative file names of a table begin; its own folder if not given."
    ),
]
CacheOption = Annotated[
    str, typer.Option("--cache-max", help="Most that kept features may take on disk, such as 10GB; 0 keeps none.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", help="Page to write: .html, one file that needs nothing else.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="COLUMN", help="Look at each value of this column for itself: site.")
]
RateOption = Annotated[float, typer.Option("--rate", help="Of false alarms, where nothing has changed.")]
SinceOption = Annotated[str, typer.Option("--since", help="How far back in the store to look: 36h, 7d.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", help="Threads; every core if not given.")]

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="ENGINE", help="Where the work is done: local, dask://HOST:PORT, or joblib:BACKEND."
    ),
]

StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="sqlite:///FILE or postgresql://…; auricle.db here if not given."),
]


def open_store(url: str | None, *, create: bool = False) -> "Store":
    """Open the store that a command is told, or the usual one; a file that is missing is made by some commands only.

    Raises
    ------
    UsageError : a URL of another kind
    StoreError : it is not there, or cannot be used
    """
    from auricle.store.database import DEFAULT_URL
    from auricle.store.store import Store

    return Store.open(url or DEFAULT_URL, create=create)


def check_page(path: Path | None) -> None:
    """Say before any work that a page could not be written.

    Raises
    ------
    UsageError : a name that does not end as a page's does
    OutputError : a place that cannot be written
    """
    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: the page's name must end in .html, .htm.")
    files.check_writable(path)


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


_SECONDS = {"": 1.0, "S": 1.0, "M": 60.0, "H": 3600.0, "D": 86_400.0, "W": 7 * 86_400.0}


def duration_s(text: str) -> float | None:
    """Return the seconds that a time such as ``5m`` means; None for ``none``.

    Raises
    ------
    UsageError : neither none nor a number above 0, followed by nothing, s, m, h or d
    """
    if text.strip().lower() == "none":
        return None
    if (found := _seconds(text, "|[SMHD]")) is None:
        raise UsageError(f"A time must be none, or a number above 0 with s, m, h or d, such as 5m. Got {text!r}.")
    return found


def span_s(text: str) -> float:
    """Return the seconds that a stretch of time such as ``90d`` means.

    Raises
    ------
    UsageError : not a number above 0, followed by s, m, h, d or w
    """
    if (found := _seconds(text, "[SMHDW]")) is None:
        raise UsageError(f"A stretch of time must be a number above 0 with s, m, h, d or w, such as 90d. Got {text!r}.")
    return found


def _seconds(text: str, units: str) -> float | None:
    """Return the seconds of a number above 0 and its unit, one that a pattern allows; None for anything else."""
    found = re.fullmatch(rf"([0-9]+(?:\.[0-9]*)?) *({units})", text.strip().upper())
    return float(found[1]) * _SECONDS[found[2]] or None if found else None


KeepOption = Annotated[
    str | None,
    typer.Option("--store", help="Keep each recording's answer there too: sqlite:///FILE or postgresql://…."),
]


@contextmanager
def open_outbox(store: str | None) -> "Iterator[EntryWriter | None]":
    """Open a store, and give what writes entries into it, each once; None where no store is named."""
    if store is None:
        yield None
        return
    from auricle.store.store import Store

    with Store.open(store) as opened:
        yield opened.add_missing
