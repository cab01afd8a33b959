import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from auricle.datasets import row_files
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import extract
from auricle.datasets.row_files import check_name, shard_rows, table_rows, write_rows
from auricle.errors import UsageError
from auricle.features.spec import standard_spec

SPEC = standard_spec(8000).model_copy(update={"window_s": 0.2})


class Here:
    """An engine of one slot."""

    n_slots = 1

    def run(self, function, items, *, batch_size=1):  # noqa: ARG002
        for index, item in enumerate(items):
            yield index, function(item)


@pytest.fixture(scope="module")
def dataset(machine_sounds) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine").subset(range(9))


@pytest.fixture(scope="module")
def examples(dataset):
    return extract(dataset, SPEC)[1]


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_table_reads_back(dataset, examples, tmp_path):
    assert write_rows(tmp_path / "a.csv", "classify", SPEC, table_rows(dataset, examples)) == len(examples.rows)
    head, *rows = read_csv(tmp_path / "a.csv")
    assert head == ["file", "start_s", "end_s", "group", "label", *SPEC.columns]
    np.testing.assert_array_equal(np.array([row[5:] for row in rows], np.float32), examples.rows)


def test_parquet_reads_back(dataset, examples, tmp_path, monkeypatch):
    monkeypatch.setattr(row_files, "_ROWS_A_GROUP", 4)
    odd = dataset.subset(range(9))
    odd = replace(odd, examples=(replace(odd.examples[0], file=Path("caf\udce9.wav")), *odd.examples[1:]))
    n = write_rows(tmp_path / "a.parquet", "classify", SPEC, table_rows(odd, examples))
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.num_rows == n == len(examples.rows)
    assert table.column_names == ["file", "start_s", "end_s", "group", "label", *SPEC.columns]
    assert table["file"][0].as_py() == "caf\\udce9.wav"
    numbers = np.stack([table[name].to_numpy() for name in SPEC.columns], axis=1)
    np.testing.assert_array_equal(numbers, examples.rows)
    assert numbers.dtype == np.float32


def test_targets_have_their_own_column(machine_sounds, tmp_path):
    speeds = Dataset.load(machine_sounds, target="rpm").subset(range(2))
    write_rows(tmp_path / "a.csv", "regress", SPEC, table_rows(speeds, extract(speeds, SPEC)[1]))
    head, first, *_ = read_csv(tmp_path / "a.csv")
    assert head[4] == "target"
    assert float(first[4]) == speeds.targets[0]


@pytest.mark.parametrize("has_parquet", [True, False])
def test_concatenated_shards_equal_the_table(dataset, examples, tmp_path, monkeypatch, has_parquet):
    if not has_parquet:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    written = shard_rows(dataset, SPEC, tmp_path, engine=Here())
    assert sum(shard["n_rows"] for shard in written.shards.values()) == len(examples.rows)
    assert len(written.shards) > 1
    parts = sorted(tmp_path.glob("part-*"))
    if has_parquet:
        tables = [parquet.read_table(part) for part in parts]
        found = [np.stack([table[name].to_numpy() for name in SPEC.columns], axis=1) for table in tables]
    else:
        found = [np.array([row[5:] for row in read_csv(part)[1:]], np.float32) for part in parts]
    np.testing.assert_array_equal(np.concatenate(found), examples.rows)


def test_a_recording_that_fails_is_named_and_has_no_rows(dataset, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    bad = replace(dataset.examples[1], file=tmp_path / "bad.wav")
    mixed = replace(dataset, examples=(dataset.examples[0], bad))
    written = shard_rows(mixed, SPEC, tmp_path / "out", engine=Here())
    (failure,) = [failure for shard in written.shards.values() for failure in shard["failed"]]
    assert failure["file"] == str(tmp_path / "bad.wav")
    assert failure["error"]["kind"] == "audio"


def test_unknown_suffix_is_refused():
    assert check_name("a.CSV") == ".csv"
    with pytest.raises(UsageError, match=r"must end in \.csv or \.parquet"):
        check_name("a.xlsx")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"needs the extra `parquet`"):
        check_name("a.parquet")
