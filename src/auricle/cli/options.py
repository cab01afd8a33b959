"""Options that several commands share, and the parsers of sizes and durations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.outputs import check_output
from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.prediction.bulk.outbox import EntryWriter
    from auricle.store.store import Store

__all__ = [
    "ByOption",
    "CacheOption",
    "ChannelOption",
    "DataArgument",
    "EngineOption",
    "FmaxOption",
    "FminOption",
    "FoldOption",
    "GroupOption",
    "HoldOutOption",
    "JsonOption",
    "KeepOption",
    "LabelOption",
    "ModelArgument",
    "RateOption",
    "ReportOption",
    "RootOption",
    "SampleRateOption",
    "SinceOption",
    "StoreOption",
    "StrictOption",
    "TargetOption",
    "WorkersOption",
    "check_report",
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
    typer.Option("--group", help="Column of groups that a split keeps together: machine, site, speaker."),
]
HoldOutOption = Annotated[
    str | None,
    typer.Option(
        "--hold-out",
        metavar="DATA",
        help="Recordings that no model is trained on, to decide by; else those whose `split` is test, or DATA.",
        show_default=False,
    ),
]
FoldOption = Annotated[str | None, typer.Option("--fold", help="Column of published folds.")]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", metavar="DIR", help="Folder that relative file names of a table start from; the table's if not given."
    ),
]
CacheOption = Annotated[
    str, typer.Option("--cache-max", help="Largest size of the feature cache on disk, such as 10GB; 0 for no cache.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Fail, and exit with 2, if reading leaves anything out.")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="Report to write: one self-contained .html file.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="COLUMN", help="Check each value of this column separately: site.")
]
RateOption = Annotated[float, typer.Option("--rate", help="Rate of false alarms while nothing has changed.")]
SampleRateOption = Annotated[
    int | None,
    typer.Option("--rate-hz", help="Sample rate of the model; chosen by the content of the recordings if not given."),
]
FminOption = Annotated[float, typer.Option("--fmin-hz", help="Lowest frequency of the mel bands.")]
FmaxOption = Annotated[
    float | None,
    typer.Option("--fmax-hz", help="Highest frequency of the mel bands; half the sample rate if not given."),
]
ChannelOption = Annotated[
    str,
    typer.Option(
        "--channel", metavar="CHANNEL", help="Channel of a recording: mean, a number from 0, max-energy, each."
    ),
]
SinceOption = Annotated[str, typer.Option("--since", help="How far back in the store to look: 36h, 7d.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", help="Threads; one per core if not given.")]

EngineOption = Annotated[
    str,
    typer.Option("--engine", metavar="ENGINE", help="Machines to run on: local, dask://HOST:PORT, or joblib:BACKEND."),
]

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", help="Store: sqlite:///FILE or postgresql://…; auricle.db here if not given."
    ),
]


def open_store(url: str | None, *, create: bool = False) -> "Store":
    """Open a store, the default one for None; a missing file is created only where ``create`` is true.

    Raises
    ------
    UsageError : a URL of another kind
    StoreError : the store is missing, or cannot be used
    """
    from auricle.store.database import DEFAULT_URL
    from auricle.store.store import Store

    return Store.open(url or DEFAULT_URL, create=create)


def check_report(path: Path | None, *inputs: str | Path | None) -> None:
    """Check before any work that a report can be written.

    Raises
    ------
    UsageError : the name does not end in .html or .htm, or the report would replace an input or another file
    OutputError : the path cannot be written
    """
    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: the report's name must end in .html or .htm.")
    check_output(path, "report", inputs)


_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size_bytes(text: str) -> int:
    """Parse a size such as ``10GB`` into bytes.

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
    """Parse a duration such as ``5m`` into seconds; ``none`` into None.

    Raises
    ------
    UsageError : neither none nor a number above 0, followed by nothing, s, m, h or d
    """
    if text.strip().lower() == "none":
        return None
    if (found := _seconds(text, "|[SMHD]")) is None:
        raise UsageError(f"A duration must be none, or a number above 0 with s, m, h or d, such as 5m. Got {text!r}.")
    return found


def span_s(text: str) -> float:
    """Parse a duration with a unit, such as ``90d``, into seconds.

    Raises
    ------
    UsageError : not a number above 0, followed by s, m, h, d or w
    """
    if (found := _seconds(text, "[SMHDW]")) is None:
        raise UsageError(f"A duration must be a number above 0 with s, m, h, d or w, such as 90d. Got {text!r}.")
    return found


def _seconds(text: str, units: str) -> float | None:
    """Return the seconds of a positive number with a unit of the pattern; None for any other text."""
    found = re.fullmatch(rf"([0-9]+(?:\.[0-9]*)?) *({units})", text.strip().upper())
    return float(found[1]) * _SECONDS[found[2]] or None if found else None


KeepOption = Annotated[
    str | None,
    typer.Option("--store", help="Store to log each recording's prediction in: sqlite:///FILE or postgresql://…."),
]


@contextmanager
def open_outbox(store: str | None) -> "Iterator[EntryWriter | None]":
    """Open a store, and yield its function that adds missing entries; None for no store."""
    if store is None:
        yield None
        return
    from auricle.store.store import Store

    with Store.open(store) as opened:
        yield opened.add_missing
