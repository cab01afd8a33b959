"""Recordings to be watched, from files: labelled or not, a folder, a table, or one file."""

from pathlib import Path

from auricle.datasets.dataset import Example
from auricle.datasets.loading import load_recordings
from auricle.datasets.readers import READERS
from auricle.errors import UsageError
from auricle.prediction.bulk.inputs import expand

__all__ = ["find"]

_CLASS_FOLDERS = "folder with one sub-folder per class"


def find(
    path: str | Path,
    classes: tuple[str, ...],
    *,
    label: str | None = None,
    group: str | None = None,
    root: Path | None = None,
) -> tuple[Example, ...]:
    """Return the recordings of a table, a folder or a file.

    A table needs ``file_name`` and no more. The sub-folders of a folder are labels where one of them is a class of the
    model; else they are where recordings lie, and nothing is known of them.

    Parameters
    ----------
    path : a table, a folder, a sound file, or a pattern
    classes : that the model knows; none where it answers with a number
    label : column of the label; ``label``, or ``target`` for numbers, if not given
    group : column of what is not independent; ``group`` where the table has it, else every file is its own
    root : where relative file names of a table begin; its own folder if not given

    Raises
    ------
    DataError : a table that cannot be read, or that names files that are not there
    UsageError : a column that is not there, or no sound
    """
    path = Path(path)
    form = next((name for name, reader in READERS.items() if path.exists() and reader.accepts(path)), None)
    if form is None or (form == _CLASS_FOLDERS and not any((path / name).is_dir() for name in classes)):
        if (label, group, root) != (None, None, None):
            raise UsageError(f"{path}: `--label`, `--group` and `--root` say how to read a table. This is none.")
        return tuple(Example(file, None, None, str(file)) for file in expand([path]))
    return load_recordings(path, "classify" if classes else "regress", label=label, group=group, root=root)
