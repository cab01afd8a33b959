"""Find the recordings to monitor, labelled or not: a folder, a table, one file or a pattern."""

from pathlib import Path

from auricle.audio.recorders.sources import read_facts
from auricle.datasets.dataset import Example
from auricle.datasets.loading import Recordings, load_recordings
from auricle.datasets.readers import READERS
from auricle.datasets.tables.recorder_columns import cells_of
from auricle.errors import UsageError
from auricle.prediction.bulk.inputs import expand
from auricle.runtime.compute import parallel_map

__all__ = ["find_recordings"]

_CLASS_FOLDERS = "folder with one sub-folder per class"


def find_recordings(
    path: str | Path,
    classes: tuple[str, ...],
    *,
    label: str | None = None,
    group: str | None = None,
    root: Path | None = None,
) -> Recordings:
    """Return the recordings of a table, a folder, a file or a pattern, and what was left out.

    A table needs the column ``file_name`` only. The sub-folders of a folder are labels where one of them is a class of
    the model; otherwise the recordings are unlabelled.

    Parameters
    ----------
    path : str or Path
        Table, folder, sound file or pattern.
    classes : tuple of str
        Classes of the model; empty for regression.
    label : str, optional
        Column of the label; ``label`` by default, ``target`` for regression.
    group : str, optional
        Column of the group; ``group`` where the table has it, otherwise every file is its own group.
    root : Path, optional
        Start of relative file names in a table; the table's folder by default.

    Raises
    ------
    DataError
        A table that cannot be read, or that names missing files.
    UsageError
        A missing column, or no recordings.
    """
    path = Path(path)
    form = next((name for name, reader in READERS.items() if path.exists() and reader.accepts(path)), None)
    if form is None or (form == _CLASS_FOLDERS and not any((path / name).is_dir() for name in classes)):
        if (label, group, root) != (None, None, None):
            raise UsageError(f"{path}: `--label`, `--group` and `--root` apply to a table only. This is none.")
        inputs = expand([path])
        return Recordings(tuple(parallel_map(_example, inputs.files)), inputs.omitted)
    return load_recordings(path, "classify" if classes else "regress", label=label, group=group, root=root)


def _example(file: Path) -> Example:
    cells = cells_of(read_facts(file).facts)
    time = cells.pop("time", None)
    return Example(file, None, None, str(file), time=time, metadata=cells)
