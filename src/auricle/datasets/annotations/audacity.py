"""Audacity label tracks: a start, an end and a label on each line, and under it the frequency range if it has one."""

import re
from pathlib import Path

from auricle.datasets.annotations.marks import Format, Mark, Marks
from auricle.datasets.annotations.text import lines_of, number
from auricle.errors import DataError

__all__ = ["AUDACITY"]

_TIME = r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?"
_LINE = re.compile(rf" *({_TIME}) *(\t|;| ) *({_TIME}) *(?:(?:\t|;| )(.*))?")
"""Times separated by tabs, as Audacity writes them, or by what spreadsheets and editors make of these."""


def _split(line: str) -> tuple[str, str, str, str] | None:
    """Return the separator, start, end and the rest of a line; None if it does not begin with two times."""
    if (found := _LINE.fullmatch(line)) is None:
        return None
    start_s, end_s = number(found[1]), number(found[3])
    return None if start_s is None or end_s is None else (found[2], start_s, end_s, found[4] or "")


def _recognises(lines: list[str]) -> bool:
    """Whether a line is of two times and tabs; or else every line begins with two times, and a word follows in one."""
    content = [line for line in lines if line.strip() and not line.startswith("\\")]
    found = [_split(line) for line in content]
    marks = [mark for mark in found if mark is not None and float(mark[1]) <= float(mark[2])]
    if any(separator == "\t" for separator, *_ in marks):
        return True
    return len(marks) == len(content) > 0 and any(re.search(r"[^\W\d_]", rest) for *_, rest in marks)


def _read(path: Path, text: str) -> Marks:
    """Read the labels of a track; a point has the same start and end.

    Raises
    ------
    DataError
        A line that is not a start, an end and a label, or a frequency range that is not under a label.
    """
    marks: list[Mark] = []
    for line_number, line in enumerate(lines_of(text), 1):
        where = f"{path}, line {line_number}"
        if not line.strip():
            continue
        if line.startswith("\\"):
            marks[-1:] = [_with_range(marks[-1] if marks else None, line, where)]
        elif (found := _split(line)) is not None:
            separator, start_s, end_s, rest = found
            label, *more = rest.split(separator) if separator in "\t;" else [rest]
            marks.append(Mark(where, start_s, end_s, label, columns=_more(more)))
        else:
            raise DataError(
                f"{where}: a label must be its start, end and text, separated by tabs. Got {line[:80]!r}. Export the "
                "track from Audacity again."
            )
    return Marks(tuple(marks))


def _with_range(mark: Mark | None, line: str, where: str) -> Mark:
    limits_hz = [number(cell) for cell in re.split(r"[\t; ]+", line.strip())[1:]]
    if mark is None or mark.n_lines > 1 or len(limits_hz) != 2 or None in limits_hz:
        raise DataError(
            f"{where}: a frequency range must be two numbers, on the line below its label. Got {line[:80]!r}. Export "
            "the track from Audacity again."
        )
    columns = {**mark.columns, **dict(zip(("low_hz", "high_hz"), map(str, limits_hz), strict=True))}
    return Mark(mark.where, mark.start_s, mark.end_s, mark.label, columns=columns, n_lines=2)


def _more(cells: list[str]) -> dict[str, str]:
    """Return cells behind the label by name: programs that imitate Audacity put a confidence there."""
    named = [(f"cell_{place}", cell) for place, cell in enumerate(cells, 4) if cell.strip()]
    return {"confidence" if name == "cell_4" and number(cell) else name: number(cell) or cell for name, cell in named}


AUDACITY = Format(_recognises, _read)
