"""Marks: what every format of annotations is read as, the form of a format, and which marks have no use."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from auricle.errors import DataError

__all__ = ["Format", "LeftOut", "Mark", "Marks", "usable"]

LeftOut: TypeAlias = tuple[str, str, str]
"""Noun, reason and position of what was not read, as of `auricle.records.count_omitted`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A label for a stretch of a recording.

    Parameters
    ----------
    where : str
        File and line, for messages.
    start_s, end_s : str
        Seconds from the beginning of the recording, with a point for decimals.
    label : str
        As it stands in the file; empty if it has none.
    recording : tuple of str
        The recording's path as the line names it, the fullest first; empty if the file lies beside its recording.
    columns : mapping of str to str
        All other cells, by the name of their column.
    n_lines : int
        Lines of the file that say it: a selection has one for each view.
    """

    where: str
    start_s: str
    end_s: str
    label: str
    recording: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    n_lines: int = 1


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one file, and what of it was left out."""

    marks: tuple[Mark, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """A format of annotations.

    Parameters
    ----------
    recognises : function
        Whether the lines at the beginning of a file, at least one with content, are of this format.
    read : function
        Reads the text of a file; the path is for messages.
    names_recordings : bool
        Whether lines may name their recording, so that one file holds the marks of many.
    """

    recognises: Callable[[list[str]], bool]
    read: Callable[[Path, str], Marks]
    names_recordings: bool = False


def usable(found: Marks) -> Marks:
    """Leave out the marks without a label and those of points in time, which have no sound.

    Raises
    ------
    DataError
        A mark that ends before it begins.
    """
    marks: list[Mark] = []
    left_out = list(found.left_out)
    for mark in found.marks:
        if float(mark.end_s) < float(mark.start_s):
            raise DataError(
                f"{mark.where}: a mark must end after it begins. This one goes from {mark.start_s} s to {mark.end_s} s."
            )
        if float(mark.start_s) == float(mark.end_s):
            left_out.append(("annotations", "points in time, which have no sound: widen them", mark.where))
        elif not mark.label.strip():
            left_out.append(("annotations", "without a label: write one", mark.where))
        else:
            marks.append(mark)
    return Marks(tuple(marks), tuple(left_out))


def first_filled(rows: Iterable[Mapping[str, str]], columns: Iterable[str]) -> str | None:
    """Return the first column with a filled cell; else the first column; None without columns."""
    names, rows = tuple(columns), tuple(rows)
    return next((name for name in names if any(row[name].strip() for row in rows)), names[0] if names else None)
