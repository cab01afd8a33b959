"""Read a folder of recordings beside annotations, or one file of annotations, as a table with a row for each mark."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from auricle.datasets.annotations.audacity import AUDACITY
from auricle.datasets.annotations.birdnet import BIRDNET
from auricle.datasets.annotations.kaleidoscope import KALEIDOSCOPE
from auricle.datasets.annotations.marks import Format, LeftOut, Mark, Marks, usable
from auricle.datasets.annotations.matching import TEXT_SUFFIXES, Recordings, text_files
from auricle.datasets.annotations.opensoundscape import OPENSOUNDSCAPE
from auricle.datasets.annotations.raven import RAVEN
from auricle.datasets.annotations.text import decode, lines_of, number
from auricle.datasets.annotations.textgrid import TEXTGRID
from auricle.datasets.tables.table import Row, Table
from auricle.errors import DataError
from auricle.records import count_omitted

__all__ = [
    "FORMATS",
    "holds_annotations",
    "is_annotations",
    "read_annotated_folder",
    "read_annotations",
    "read_marks",
    "unmarked_recordings",
]

FORMATS: dict[str, Format] = {
    "Raven": RAVEN,
    "Kaleidoscope": KALEIDOSCOPE,
    "BirdNET": BIRDNET,
    "OpenSoundscape": OPENSOUNDSCAPE,
    "Praat": TEXTGRID,
    "Audacity": AUDACITY,
}
"""Formats of annotations by the program that writes them; the first that recognises a file reads it."""

_HEAD_BYTES = 1 << 16
_OWN_COLUMNS = ("file_name", "start_s", "end_s", "label")


def format_of(file: Path) -> str | None:
    """Return the format of a file of annotations, by its content; None for other files, and those without content."""
    if file.suffix.lower() not in TEXT_SUFFIXES or not os.path.isfile(file):  # noqa: PTH113  (False where stat fails)
        return None
    try:
        with file.open("rb") as stream:
            raw = stream.read(_HEAD_BYTES)
        lines = lines_of(decode(raw, is_whole=len(raw) < _HEAD_BYTES))
    except (OSError, DataError):
        return None
    lines = lines if len(raw) < _HEAD_BYTES else lines[:-1]  # the last may be cut short
    if not any(line.strip() for line in lines):
        return None
    return next((name for name, form in FORMATS.items() if form.recognises(lines)), None)


def read_marks(file: Path) -> Marks:
    """Read the usable marks of one file of annotations.

    Raises
    ------
    DataError
        A file that cannot be read, is of no known format, or breaks the rules of its own.
    """
    try:
        text = decode(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file}: the annotations cannot be read: {error.strerror}.") from error
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    if (name := format_of(file)) is None:
        raise DataError(
            f"{file}: annotations must be of {', '.join(FORMATS)}. No line is as in one of these: for a label track, "
            "start, end and label, separated by tabs. Export them again."
        )
    return usable(FORMATS[name].read(file, text))


def is_annotations(file: Path) -> bool:
    """Whether a file is of a known format of annotations."""
    return format_of(file) is not None


def holds_annotations(folder: Path) -> bool:
    """Whether annotations in a folder lie beside a recording by their name, or name recordings themselves."""
    if not folder.is_dir():
        return False
    recordings = None
    for file in text_files(folder):
        if (name := format_of(file)) is None:
            continue
        recordings = recordings or Recordings(folder)
        if FORMATS[name].names_recordings or recordings.beside(file) is not None:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Found:
    """A mark, and its recording where it is there."""

    mark: Mark
    file: Path | None

    @property
    def part(self) -> tuple[str, float, float]:
        name = self.mark.recording[-1] if self.file is None and self.mark.recording else str(self.file)
        return name, float(self.mark.start_s), float(self.mark.end_s)


def read_annotated_folder(folder: Path) -> Table:
    """Read the annotations in a folder and below; recordings without a mark are left out.

    Raises
    ------
    DataError
        Annotations that break the rules of their format, or none that can be used.
    """
    return _table(folder, folder, list(text_files(folder)))


def read_annotations(file: Path) -> Table:
    """Read one file of annotations: of the recording beside it, or of those that its lines name.

    Raises
    ------
    DataError
        As :func:`read_annotated_folder`.
    """
    return _table(file, file.parent, [file])


def unmarked_recordings(table: Table) -> tuple[Path, ...]:
    """Return the recordings in the folder of a table of annotations that have no mark: they may be background."""
    marked = {row.cells["file_name"] for row in table.rows}
    paths = Recordings(table.folder).paths
    return tuple(path for path in paths if _relative(path, table.folder) not in marked)


def _table(source: Path, folder: Path, files: list[Path]) -> Table:
    recordings = Recordings(folder)
    left_out: list[LeftOut] = []
    found: list[_Found] = []
    read: list[Path] = []
    for file in files:
        if format_of(file) is None:
            if _is_empty(file) and recordings.beside(file) is not None:
                read.append(file)  # nothing was marked
            continue
        marks = read_marks(file)
        read.append(file)
        left_out += marks.left_out
        found += _belonging(marks, file, recordings, left_out)
    found.sort(key=lambda one: recordings.order.get(one.file or folder, len(recordings.order)))
    kept = _most_confident(_different(found, left_out), left_out)
    if not kept and left_out:
        raise DataError(
            f"{source}: annotations must mark at least one stretch of a recording. None does: "
            f"{' '.join(map(str, count_omitted(left_out)))}"
        )
    relative = {file: _relative(file, folder) for file in {one.file for one in kept} if file is not None}
    rows = tuple(_row(one, relative) for one in kept)
    columns = tuple(dict.fromkeys((*_OWN_COLUMNS, *(name for row in rows for name in row.cells))))
    filled = tuple(Row(row.where, {name: row.cells.get(name, "") for name in columns}) for row in rows)
    return Table(source, folder, columns, filled, beside=tuple(read), omitted=count_omitted(left_out))


def _is_empty(file: Path) -> bool:
    return os.path.isfile(file) and file.stat().st_size <= len("\ufeff".encode())  # noqa: PTH113


def _belonging(marks: Marks, file: Path, recordings: Recordings, left_out: list[LeftOut]) -> Iterator[_Found]:
    """Yield the marks of a file with their recordings; those of no recording are left out."""
    beside = recordings.beside(file)
    is_of_one = len({mark.recording for mark in marks.marks}) <= 1
    for mark in marks.marks:
        of = recordings.named(mark.recording, file)
        if of is None and is_of_one:
            of = beside  # which may have been renamed
        if of is None and not mark.recording:
            reason = f"no recording lies beside {file.name}: name it after its recording"
            left_out.append(("annotations", reason, mark.where))
        else:
            yield _Found(mark, of)


def _different(found: list[_Found], left_out: list[LeftOut]) -> list[_Found]:
    """Return the marks without those that repeat the stretch and label of one before."""
    first: dict[tuple[object, ...], _Found] = {}
    repeated = [one for one in found if first.setdefault((*one.part, one.mark.label), one) is not one]
    left_out += [("annotations", "the same stretch and label as one before", one.mark.where) for one in repeated]
    return list(first.values())


def _most_confident(found: list[_Found], left_out: list[LeftOut]) -> list[_Found]:
    """Return the marks without those of a stretch that has another label of more confidence."""
    best: dict[tuple[object, ...], float] = {}
    for one in found:
        best[one.part] = max(best.get(one.part, -math.inf), _confidence(one.mark))
    kept = []
    for one in found:
        if _confidence(one.mark) < best[one.part]:
            left_out.append(("annotations", "another label of the stretch has more confidence", one.mark.where))
        else:
            kept.append(one)
    return kept


def _confidence(mark: Mark) -> float:
    cell = next((cell for name, cell in mark.columns.items() if name.lower() == "confidence"), "")
    return float(number(cell) or math.inf)


def _row(one: _Found, relative: Mapping[Path, str]) -> Row:
    mark = one.mark
    if taken := [name for name in _OWN_COLUMNS if name in mark.columns]:
        raise DataError(f"{mark.where}: the column {taken[0]!r} is made from others here. Rename it in the file.")
    file = mark.recording[-1] if one.file is None else relative[one.file]
    own = dict(zip(_OWN_COLUMNS, (file, mark.start_s, mark.end_s, mark.label), strict=True))
    return Row(mark.where, {**own, **mark.columns})


def _relative(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(os.path.normpath(file), os.path.normpath(folder))).as_posix()
