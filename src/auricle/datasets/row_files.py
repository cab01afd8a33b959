"""Write feature rows as CSV or Parquet: one table, or the shards that the workers of a cluster write."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, FeatureTable, describe
from auricle.errors import UsageError
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.runtime import files
from auricle.runtime.compute import Engine
from auricle.runtime.shards import ShardedRun, ShardSummary, write_shards
from auricle.tasks.table import Task

__all__ = ["ROW_FILES", "check_name", "shard_rows", "table_rows", "write_rows"]

Row: TypeAlias = list[Any]

_ROWS_A_GROUP = 4096


def columns(task: Task, spec: FeatureSpec) -> list[str]:
    """Return the column names of the table."""
    return ["file", "start_s", "end_s", "group", "label" if task == "classify" else "target", *spec.columns]


def table_rows(dataset: Dataset, examples: FeatureTable) -> Iterator[Row]:
    """Yield the rows of a dataset's table, one per window."""
    for row, owner, start_s, end_s in zip(
        examples.rows, examples.owner, examples.start_s.tolist(), examples.end_s.tolist(), strict=True
    ):
        yield _row(dataset.examples[owner], start_s, end_s, row)


def _row(example: Example, start_s: float, end_s: float, features: NDArray[np.float32]) -> Row:
    label = example.target if example.label is None else example.label
    return [str(example.file), start_s, end_s, example.group, label, *features.tolist()]


def _csv(stream: BinaryIO, names: list[str], rows: Iterator[Row]) -> int:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    n_rows = 0
    for n_rows, row in enumerate(rows, 1):  # noqa: B007  (counted)
        table.writerow(row)
    text.flush()
    text.detach()  # the caller closes the stream
    return n_rows


def _parquet(stream: BinaryIO, names: list[str], rows: Iterator[Row]) -> int:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    label_type = pa.string() if "label" in names else pa.float64()
    types = [pa.string(), pa.float64(), pa.float64(), pa.string(), label_type]
    types += [pa.float32()] * (len(names) - len(types))
    n_rows = 0
    with ParquetWriter(stream, pa.schema(list(zip(names, types, strict=True)))) as writer:
        while batch := list(islice(rows, _ROWS_A_GROUP)):
            values: list[Any] = list(zip(*batch, strict=True))
            values[0] = [name.encode("utf-8", "backslashreplace").decode() for name in values[0]]
            arrays = [pa.array(column, kind) for column, kind in zip(values, types, strict=True)]
            writer.write_table(pa.table(arrays, names=names))
            n_rows += len(batch)
    return n_rows


ROW_FILES: Final[dict[str, Callable[[BinaryIO, list[str], Iterator[Row]], int]]] = {".csv": _csv, ".parquet": _parquet}
"""Writers by suffix: (stream, column names, rows) → number of rows."""


def check_name(name: str) -> str:
    """Return the suffix of a table's name.

    Raises
    ------
    UsageError
        An unknown suffix, or .parquet without pyarrow.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in ROW_FILES:
        raise UsageError(f"{name}: the table's name must end in {' or '.join(ROW_FILES)}.")
    if suffix == ".parquet" and not _has_parquet():
        raise UsageError(f"{name}: Parquet needs the extra `parquet`: pip install 'auricle[parquet]', or write .csv.")
    return suffix


def _has_parquet() -> bool:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True


def write_rows(path: Path, task: Task, spec: FeatureSpec, rows: Iterator[Row]) -> int:
    """Write one table atomically; return the number of its rows.

    Raises
    ------
    UsageError
        An unknown suffix, or .parquet without pyarrow.
    OutputError
        The file cannot be written.
    """
    write = ROW_FILES[check_name(str(path))]
    with files.atomic_file(path) as stream:
        return write(stream, columns(task, spec), rows)


def shard_rows(
    dataset: Dataset,
    spec: FeatureSpec,
    folder: Path,
    *,
    engine: Engine,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ShardedRun:
    """Write the rows of a dataset as shards, on an engine: Parquet if pyarrow is installed here, else CSV.

    A recording that cannot be used has no rows; the summary of its shard names it with its error.

    Parameters
    ----------
    folder : Path
        Visible to all workers.
    resume : bool
        Continue a stopped run to the same folder.
    progress : callable, optional
        Called with the number of recordings done.

    Returns
    -------
    ShardedRun
        Each shard's summary has ``n_rows`` and ``failed``, a list of ``{"file", "error"}``.

    Raises
    ------
    UsageError
        The run in the folder had other settings.
    OutputError
        The folder holds other files, or cannot be written.
    """
    suffix = ".parquet" if _has_parquet() else ".csv"
    return write_shards(
        folder,
        [_absolute(example) for example in dataset.examples],
        partial(_shard, task=dataset.task, spec=spec),
        engine=engine,
        settings={"features": spec.fingerprint(), "task": dataset.task, "format": suffix.removeprefix(".")},
        suffix=suffix,
        resume=resume,
        progress=progress,
    )


def _absolute(example: Example) -> Example:
    return replace(example, file=example.file.absolute())


def _shard(path: Path, examples: Sequence[Example], *, task: Task, spec: FeatureSpec) -> ShardSummary:
    pipeline = FeaturePipeline(spec, standard=standard_spec(spec.rate_hz))
    failed: list[dict[str, Any]] = []

    def rows() -> Iterator[Row]:
        for example in examples:
            found = describe(example, pipeline=pipeline)
            if isinstance(found, Failure):
                failed.append({"file": str(found.file), "error": found.error.as_json()})
            else:
                for row, (start_s, end_s) in zip(found.rows, found.bounds_s.tolist(), strict=True):
                    yield _row(example, start_s, end_s, row)

    return {"n_rows": write_rows(path, task, spec, rows()), "failed": failed}
