"""Praat TextGrids, in their long and short text forms: the intervals of every tier; points have no sound."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.datasets.annotations.marks import Format, LeftOut, Mark, Marks
from auricle.datasets.annotations.text import number
from auricle.errors import DataError

__all__ = ["TEXTGRID"]

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(<\w+>)|!.*|(\S+)')
"""Praat reads free-standing strings, flags and numbers, and skips all else, so that one parser reads both forms."""


def _recognises(lines: list[str]) -> bool:
    head = [line.strip() for line in lines if line.strip()][:2]
    return bool(re.match(r'(File type = )?"ooTextFile( short)?"', head[0])) and '"TextGrid"' in head[-1]


@dataclass(frozen=True, slots=True)
class _Token:
    """A string, or the text of a number or flag, and its line."""

    text: str
    is_string: bool
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line, at = 1, 0
    for found in _TOKEN.finditer(text):
        line, at = line + text.count("\n", at, found.start()), found.start()
        if found[1] is not None:
            yield _Token(found[1].replace('""', '"'), is_string=True, line=line)
        elif found[2] is not None or (found[3] is not None and number(found[3]) is not None):
            yield _Token(found[2] or found[3], is_string=False, line=line)


class _Reader:
    """The tokens of a file in turn, each of the kind that must come next."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.tokens = _tokens(text.replace("\r\n", "\n").replace("\r", "\n"))
        self.line = 1

    def where(self) -> str:
        return f"{self.path}, line {self.line}"

    def next(self, what: str, *, is_string: bool) -> str:
        token = next(self.tokens, None)
        if token is None:
            raise DataError(f"{self.path}: a TextGrid must be whole. It ends before {what}. Save it from Praat again.")
        self.line = token.line
        if token.is_string != is_string:
            raise DataError(f"{self.where()}: {what} must come here. Got {token.text[:80]!r}. Save it again.")
        return token.text

    def seconds(self, what: str) -> str:
        text = self.next(what, is_string=False)
        if (value := number(text)) is None:
            raise DataError(f"{self.where()}: {what} must be a number. Got {text[:80]!r}. Save it from Praat again.")
        return value

    def count(self, what: str) -> int:
        return int(float(self.seconds(what)))


def _read(path: Path, text: str) -> Marks:
    """Read the intervals that have a text; points are left out.

    Raises
    ------
    DataError
        A file that is cut short or of another form, or labelled intervals of different tiers that overlap.
    """
    reader = _Reader(path, text)
    for what in ("the type of the file", "its class"):
        reader.next(what, is_string=True)
    for what in ("the start", "the end"):
        reader.seconds(what)
    has_tiers = reader.next("whether there are tiers", is_string=False) == "<exists>"
    marks: list[Mark] = []
    left_out: list[LeftOut] = []
    for _ in range(reader.count("the number of tiers") if has_tiers else 0):
        kind = reader.next("the class of a tier", is_string=True)
        if kind not in ("IntervalTier", "TextTier"):
            raise DataError(f"{reader.where()}: a tier must be an IntervalTier or a TextTier. Got {kind[:80]!r}.")
        tier = reader.next("the name of a tier", is_string=True)
        for what in ("the start of a tier", "the end of a tier"):
            reader.seconds(what)
        for _ in range(reader.count("the number of intervals")):
            start_s = reader.seconds("the time of an annotation")
            where = reader.where()
            end_s = start_s if kind == "TextTier" else reader.seconds("the end of an interval")
            label = reader.next("the text of an annotation", is_string=True)
            if kind == "TextTier":
                left_out.append(("annotations", "points of a point tier, which have no sound", where))
            elif label.strip():  # stretches without a text lie between those with one
                marks.append(Mark(where, start_s, end_s, label, columns={"tier": tier}))
    if (beyond := next(reader.tokens, None)) is not None:
        raise DataError(
            f"{path}, line {beyond.line}: a TextGrid must hold as many annotations as it says. {beyond.text[:80]!r} is "
            "beyond the last. Save it from Praat again."
        )
    _check_tiers(path, marks)
    return Marks(tuple(marks), tuple(left_out))


def _check_tiers(path: Path, marks: list[Mark]) -> None:
    """Refuse words and their phones side by side; the tiers of speakers who take turns do not overlap."""
    latest: Mark | None = None  # of the marks so far, the one that ends last
    for mark in sorted(marks, key=lambda mark: float(mark.start_s)):
        if latest is not None and float(mark.start_s) < float(latest.end_s):
            if mark.columns["tier"] != latest.columns["tier"]:
                raise DataError(
                    f"{path}: a stretch of sound must have one label. The tiers {latest.columns['tier']!r} and "
                    f"{mark.columns['tier']!r} overlap at {float(mark.start_s):g} s. Keep one, remove the other."
                )
            if float(mark.end_s) < float(latest.end_s):
                continue
        latest = mark


TEXTGRID = Format(_recognises, _read)
