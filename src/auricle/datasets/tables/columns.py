"""Names of columns: what each one that is read means, and names that look like one and are not."""

import difflib
import re
from collections.abc import Collection
from typing import Final

from auricle.datasets.tables.table import Table
from auricle.errors import DataError

__all__ = ["COLUMNS", "check_names", "suggestion"]

COLUMNS: Final = {
    "file_name": "the recording, relative to the table's folder",
    "label": "its class",
    "target": "its number",
    "start_s": "where a part of it begins, in seconds",
    "end_s": "where that part ends, in seconds",
    "group": "what a split keeps together: machine, site, speaker",
    "fold": "its published fold",
    "split": "its published split: train or test",
    "time": "when it was made",
}
"""Columns that are read, with their meaning; every other one is metadata."""

_ALIASES: Final = {
    "start_s": (
        "start",
        "begin",
        "onset",
        "startsec",
        "startseconds",
        "starttime",
        "begintime",
        "tstart",
        "tmin",
        "from",
    ),
    "end_s": ("end", "stop", "offset", "endsec", "endseconds", "endtime", "stoptime", "tend", "tmax", "to"),
    "file_name": (
        "file",
        "path",
        "filepath",
        "audio",
        "audiofile",
        "audiopath",
        "wav",
        "wavfile",
        "recording",
        "sound",
    ),
    "label": ("class", "category", "species", "classname", "labels", "y"),
}
"""Other names of the columns, without spaces, underscores and case."""

_ASKED: Final = ("start_s", "end_s")
"""Columns that a table may lack, so that one of another name would be left out without a word."""


def check_names(table: Table, named: Collection[str]) -> None:
    """Check that no column looks like one that is read and is missing.

    Parameters
    ----------
    table : Table
    named : collection of str
        Columns that options name.

    Raises
    ------
    DataError
        There is such a column.
    """
    for column in table.columns:
        known = _looks_like(column)
        if known is None or column in (*COLUMNS, *named) or known in table.columns:
            continue
        if known in _ASKED or _plain(column) == _plain(known):
            raise DataError(
                f"{table.source}: every column that is read must have its name. Did you mean {known!r} "
                f"({COLUMNS[known]}) by {column!r}? Rename it; if it is something else, give it a name of its own."
            )


def suggestion(table: Table, known: str) -> str:
    """Return a question about the column that may be meant by a missing one, or nothing."""
    found = next((column for column in table.columns if _looks_like(column) == known), None)
    if found is None:
        near = difflib.get_close_matches(known, table.columns, n=1, cutoff=0.7)
        found = near[0] if near else None
    return "" if found is None else f" Did you mean {found!r}?"


def _looks_like(column: str) -> str | None:
    plain = _plain(column)
    for known in COLUMNS:
        if plain == _plain(known) or plain in _ALIASES.get(known, ()):
            return known
    return next(iter(difflib.get_close_matches(column.lower(), _ASKED, n=1, cutoff=0.8)), None)


def _plain(column: str) -> str:
    return re.sub(r"\(s\)$|[\s_.-]", "", column.strip().lower())
