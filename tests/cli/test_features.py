"""``auricle features``: one row per window with named columns, as CSV or Parquet."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import extract
from auricle.datasets.headers import read_headers
from auricle.training.defaults import choose_spec


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_per_window_with_named_columns(auricle, machine_sounds: Path, out: Path) -> None:
    arguments = ["--label", "label", "--group", "machine"]
    ran = auricle("features", machine_sounds, *arguments, "-o", out / "x.csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "Sample rate: 8000 Hz, the rate of the recordings.\n")
    data = Dataset.load(machine_sounds, label="label", group="machine")
    spec = choose_spec(read_headers(data), 8000)
    _, examples, _ = extract(data, spec)
    rows = table(out / "x.csv")
    assert list(rows[0]) == ["file", "start_s", "end_s", "group", "label", *spec.columns]
    assert [row["file"] for row in rows] == [str(example.file) for example in data.examples]
    assert [row["group"] for row in rows] == data.groups.tolist()
    assert [row["label"] for row in rows] == data.labels.tolist()
    numbers = np.array([[row[name] for name in spec.columns] for row in rows], np.float32)
    np.testing.assert_array_equal(numbers, examples.rows)
    assert [path.name for path in out.iterdir()] == ["x.csv"]


def test_targets_have_their_own_column(auricle, machine_sounds: Path, out: Path) -> None:
    assert auricle("features", machine_sounds, "--target", "rpm", "-o", out / "x.csv").code == 0
    rows = table(out / "x.csv")
    assert "label" not in rows[0]
    assert all(900 <= float(row["target"]) <= 3600 for row in rows)


@pytest.mark.parametrize("name", ["x.txt", "x", "x.csv.gz"])
def test_other_file_types_are_refused(name: str, auricle, machine_sounds: Path, out: Path) -> None:
    ran = auricle("features", machine_sounds, "-o", out / name)
    assert (ran.code, ran.sentence) == (2, f"{out / name}: the table's name must end in .csv or .parquet.")
    assert list(out.iterdir()) == []


def test_parquet_without_pyarrow_names_the_extra(auricle, machine_sounds: Path, out: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    ran = auricle("features", machine_sounds, "-o", out / "x.parquet")
    assert ran.code == 2
    assert "needs the extra `parquet`" in ran.sentence


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--engine", "spark"], "must be local, dask://HOST:PORT or joblib:BACKEND"),
        (["--engine", "joblib:loky", "--workers", "2"], "`--workers` must not be given with `--engine`"),
        (["--resume"], "`--resume` must be given with `--engine`"),
    ],
)
def test_contradictory_options_are_refused(options, says, auricle, machine_sounds: Path, out: Path) -> None:
    ran = auricle("features", machine_sounds, "-o", out / "x.csv", *options)
    assert ran.code == 2
    assert says in ran.sentence
    assert list(out.iterdir()) == []
