"""A folder with one sub-folder per class becomes a table: the folder's name is the label."""

import os
from collections.abc import Iterator
from pathlib import Path

from auricle.datasets.tables import Row, Table
from auricle.errors import DataError

__all__ = ["SUFFIXES", "find_sound", "read_class_folders"]

SUFFIXES = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"})
"""What is looked for in folders. What a file is, its content says."""

_SPLIT_NAMES = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


def find_sound(folder: Path) -> Iterator[Path]:
    """Yield the sound files under a folder, sorted; hidden ones and folders behind links are passed over."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(root, name)


def read_class_folders(folder: Path) -> Table:
    """Read a folder with one sub-folder per class; sound may lie deeper inside it.

    Raises
    ------
    DataError : no sub-folders, one without sound, sound outside of them, or sub-folders that are splits
    """
    inside = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    classes = [entry for entry in inside if entry.is_dir()]
    outside = [entry.name for entry in inside if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    if not classes:
        raise DataError(
            f"{folder}: a data set is a folder with one sub-folder of sound per class, or with a metadata.csv. "
            f"This one has neither{f', but {len(outside)} sound files' if outside else ''}."
        )
    if outside:
        raise DataError(
            f"{folder}: every recording must lie in its class's sub-folder. {outside[0]} lies beside them. "
            "Move it, or write a metadata.csv."
        )
    if all(entry.name.lower() in _SPLIT_NAMES for entry in classes):
        names = ", ".join(entry.name for entry in classes)
        raise DataError(
            f"{folder}: sub-folders must be classes. {names} are splits: write a metadata.csv with the columns "
            "file_name, label and split, or name one of them as the data set."
        )
    rows = [row for entry in classes for row in _rows_of_class(folder, entry)]
    return Table(folder, folder, ("file_name", "label"), tuple(rows))


def _rows_of_class(folder: Path, entry: Path) -> list[Row]:
    files = [path.relative_to(folder).as_posix() for path in find_sound(entry)]
    if not files:
        kinds = " ".join(sorted(SUFFIXES))
        raise DataError(f"{entry}: a class's folder must hold sound ({kinds}). It holds none. Fill or remove it.")
    return [Row(str(folder / name), {"file_name": name, "label": entry.name}) for name in files]
