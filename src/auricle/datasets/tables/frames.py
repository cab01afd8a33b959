"""Tables in memory and in Parquet: pandas and Polars frames, Arrow tables, Hugging Face datasets; by their methods."""

import atexit
import hashlib
import importlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from auricle.datasets.tables.table import Row, Table, table_of
from auricle.datasets.tables.text import text_of
from auricle.errors import DataError, UsageError
from auricle.runtime import files

__all__ = ["read_frame", "read_parquet"]

FRAMES: Final = (("to_pylist", ()), ("to_dicts", ()), ("to_dict", ("records",)))
"""Methods that return a frame's rows as mappings, with their arguments: of Arrow, Polars and pandas."""


def read_parquet(path: Path) -> Table:
    """Read a Parquet table; needs pyarrow.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    DataError
        Not a Parquet file, or no rows.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            f"{path}: reading Parquet needs pyarrow: pip install 'auricle[parquet]'. Or save it as CSV."
        ) from None
    try:
        records: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        raise DataError(f"{path}: not a readable Parquet table: {error}.") from error
    return _table(path, path.parent, records, str(path))


def read_frame(data: object) -> Table:
    """Read a pandas or Polars frame, an Arrow table, or a Hugging Face dataset with an ``Audio`` column.

    File names are relative to the working folder. Sound that a dataset holds as bytes is written to a temporary folder,
    which ends with the process.

    Raises
    ------
    UsageError
        None of these.
    DataError
        No rows, or sound that is neither a file nor bytes.
    """
    if hasattr(data, "cast_column") and hasattr(data, "features"):
        return _table(Path("the dataset"), Path(), _of_hugging_face(data), "the dataset")
    for method, arguments in FRAMES:
        if callable(read := getattr(data, method, None)) and hasattr(data, "columns"):
            return _table(Path("the data frame"), Path(), read(*arguments), "the data frame")
    raise UsageError(
        "Data must be a path, a `Dataset`, a pandas or Polars frame, an Arrow table, or a Hugging Face dataset. "
        f"Got {type(data).__name__}."
    )


def _table(source: Path, folder: Path, records: Iterable[Mapping[Any, Any]], name: str) -> Table:
    rows = [
        Row(f"{name}, row {number}", {str(column): text_of(value) for column, value in record.items()})
        for number, record in enumerate(records, 1)
    ]
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return table_of(source, folder, columns, rows)


def _of_hugging_face(data: Any) -> Iterable[dict[str, Any]]:
    sounds = [name for name, feature in data.features.items() if type(feature).__name__ == "Audio"]
    if len(sounds) != 1:
        raise UsageError(f"A dataset must have one column of the feature Audio. This one has {len(sounds)}: {sounds}.")
    classes = {name: feature.names for name, feature in data.features.items() if hasattr(feature, "int2str")}
    undecoded = data.cast_column(sounds[0], type(data.features[sounds[0]])(decode=False))
    for number, record in enumerate(undecoded, 1):
        row = {name: value for name, value in record.items() if name != sounds[0]}
        for name, names in classes.items():
            row[name] = names[row[name]] if row[name] is not None and row[name] >= 0 else None
        yield {"file_name": _file(record[sounds[0]] or {}, f"the dataset, row {number}"), **row}


def _file(sound: Mapping[str, Any], where: str) -> str:
    path, content = sound.get("path"), sound.get("bytes")
    if path is not None and Path(path).is_file():
        return str(path)
    if content is None:
        raise DataError(f"{where}: the sound must be a file or bytes. There is no file {path}.")
    name = hashlib.sha256(content).hexdigest()[:32] + Path(path or "").suffix
    file = _temporary_folder() / name
    if not file.exists():
        files.write_bytes(file, content)
    return str(file)


@lru_cache(maxsize=1)
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="auricle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
