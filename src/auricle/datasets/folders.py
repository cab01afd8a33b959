"""Read a folder with one sub-folder per class as a table: the name of the sub-folder is the label."""

import re
from pathlib import Path

from auricle.audio.sound_files import SOUND_SUFFIXES, find_sound_files
from auricle.datasets.annotations.neighbours import describe_neighbours
from auricle.datasets.tables.table import Row, Table
from auricle.errors import DataError

__all__ = ["read_class_folders"]

_FOLD = re.compile(r"folds?[ _-]?\d+", re.IGNORECASE)
_SPLIT_NAMES = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


def read_class_folders(folder: Path) -> Table:
    """Read a folder with one sub-folder per class; sound may lie at any depth inside it.

    Raises
    ------
    DataError
        No sub-folders, one without sound, sound beside them, or sub-folders named after splits.
    """
    inside = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    classes = [entry for entry in inside if entry.is_dir()]
    outside = [entry.name for entry in inside if entry.suffix.lower() in SOUND_SUFFIXES and entry.is_file()]
    if not classes:
        raise DataError(
            f"{folder}: a dataset is a folder with one sub-folder of sound per class, or with a metadata.csv. "
            f"This one has neither{f', but {len(outside)} sound files' if outside else ''}."
            f"{describe_neighbours(folder)}"
        )
    if outside:
        raise DataError(
            f"{folder}: every recording must lie in the sub-folder of its class. {outside[0]} lies beside them. "
            f"Move it, or write a metadata.csv.{describe_neighbours(folder)}"
        )
    if all(_FOLD.fullmatch(entry.name) for entry in classes):
        names = ", ".join(entry.name for entry in classes)
        raise DataError(
            f"{folder}: sub-folders must be classes. {names} look like published folds: write a metadata.csv with the "
            "columns file_name, label and fold, and train with `--fold fold`."
        )
    if all(entry.name.lower() in _SPLIT_NAMES for entry in classes):
        names = ", ".join(entry.name for entry in classes)
        raise DataError(
            f"{folder}: sub-folders must be classes. {names} are splits: write a metadata.csv with the columns "
            "file_name, label and split, or name one of them as the dataset."
        )
    rows = [row for entry in classes for row in _rows_of_class(folder, entry)]
    return Table(folder, folder, ("file_name", "label"), tuple(rows))


def _rows_of_class(folder: Path, entry: Path) -> list[Row]:
    paths = find_sound_files(str(entry), files_first=True)
    files = [Path(path).relative_to(folder).as_posix() for path in paths]
    if not files:
        suffixes = " ".join(sorted(SOUND_SUFFIXES))
        raise DataError(
            f"{entry}: the folder of a class must hold sound ({suffixes}). It holds none. Fill or remove it."
        )
    return [Row(str(folder / name), {"file_name": name, "label": entry.name}) for name in files]
