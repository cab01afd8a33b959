"""The same labelled sound in every format gives the same dataset."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from auricle.datasets.dataset import Dataset
from auricle.datasets.readers import READERS

Rows = list[dict[str, str]]


def _csv(rows: Rows, path: Path) -> None:
    table = csv.DictWriter(text := io.StringIO(), rows[0].keys(), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.write_text(text.getvalue())


def _jsonl(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _parquet(rows: Rows, path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(rows), path)


def _table(write: Callable[[Rows, Path], object], name: str) -> Callable[[Rows, Path], Path]:
    def make(rows: Rows, folder: Path) -> Path:
        write(rows, folder / name)
        return folder / name

    return make


def _folder(write: Callable[[Rows, Path], None], name: str) -> Callable[[Rows, Path], Path]:
    def make(rows: Rows, folder: Path) -> Path:
        write(rows, folder / name)
        return folder

    return make


FORMATS: dict[str, Callable[[Rows, Path], Path]] = {
    "CSV table": _table(_csv, "any.csv"),
    "JSON lines table": _table(_jsonl, "any.jsonl"),
    "JSON table": _table(lambda rows, path: path.write_text(json.dumps(rows)), "any.json"),
    "Parquet table": _table(_parquet, "any.parquet"),
    "folder with metadata.csv": _folder(_csv, "metadata.csv"),
    "folder with metadata.jsonl": _folder(_jsonl, "metadata.jsonl"),
    "folder with metadata.parquet": _folder(_parquet, "metadata.parquet"),
    "folder with one sub-folder per class": lambda _, folder: folder,
}


def test_every_reader_is_tested() -> None:
    # Annotations beside recordings are tested in tests/datasets/test_annotations.py.
    assert set(FORMATS) <= set(READERS)
    assert {name for name in READERS if name.startswith(("CSV", "JSON", "Parquet", "folder with"))} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_dataset(name: str, machine_sounds: Path, tmp_path: Path) -> None:
    rows: Rows = []
    for i, label in enumerate(("hum", "buzz", "hum", "buzz")):
        file = tmp_path / label / f"{i}.wav"
        file.parent.mkdir(exist_ok=True)
        shutil.copy(machine_sounds.parent / "clips" / f"000{i + 1}.wav", file)
        rows.append({"file_name": f"{label}/{i}.wav", "label": label})
    data = Dataset.load(FORMATS[name](rows, tmp_path))
    assert data.task == "classify"
    assert data.classes == ("buzz", "hum")
    assert {example.file.relative_to(tmp_path).as_posix(): example.label for example in data.examples} == {
        row["file_name"]: row["label"] for row in rows
    }
    assert set(data.groups) == {row["file_name"] for row in rows}
    assert (READERS[name].accepts(tmp_path), READERS[name].accepts(tmp_path / "no")) == (
        name.startswith("folder"),
        False,
    )
