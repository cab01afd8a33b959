"""Recordings to monitor: tables, folders, and invalid rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.times import made_at
from auricle.errors import DataError, UsageError
from auricle.monitoring.sources.recordings import find_recordings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("north/a.wav", "south/b.wav", "cat/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def table(folder: Path, text: str) -> Path:
    path = folder / "live.csv"
    path.write_text(text)
    return path


def test_table_without_labels(folder: Path) -> None:
    text = "file_name,label,site,time,end_s\nnorth/a.wav,,n,2026-03-01T12:00:00+02:00,1.5\nsouth/b.wav,cat,s,,\n"
    one, two = find_recordings(table(folder, text), ("cat", "dog")).examples
    assert (one.label, one.end_s, one.metadata) == (None, 1.5, {"site": "n"})
    assert made_at(one.time) == np.datetime64("2026-03-01T10:00")
    assert (two.label, two.end_s, two.time) == ("cat", None, None)
    assert one.group != two.group


def test_label_and_group_columns(folder: Path) -> None:
    path = table(folder, "file_name,species,site\nnorth/a.wav,dog,n\n")
    (one,) = find_recordings(path, ("cat", "dog"), label="species", group="site").examples
    assert (one.label, one.group) == ("dog", "n")


def test_time_in_seconds(folder: Path) -> None:
    (one,) = find_recordings(table(folder, "file_name,time\nnorth/a.wav,86400\n"), ()).examples
    assert made_at(one.time) == np.datetime64("1970-01-02")


def test_folders_are_labels_only_for_known_classes(folder: Path) -> None:
    assert {one.label for one in find_recordings(folder, ("cat", "dog")).examples} == {"north", "south", "cat"}
    assert {one.label for one in find_recordings(folder, ("owl", "dog")).examples} == {None}
    assert [one.file.name for one in find_recordings(folder / "north" / "a.wav", ("cat",)).examples] == ["a.wav"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name\nnorth/x.wav\n", r"live.csv, line 2: the recording must .* There is no file"),
        ("file_name,time\nnorth/a.wav,noon\n", r"'time' must be ISO 8601, .* Got 'noon'"),
        ("file_name,start_s\nnorth/a.wav,-1\n", r"live.csv, line 2: a part must begin at 0 s or later .* Got -1.0 s"),
        ("file_name,start_s,end_s\nnorth/a.wav,2,1\n", r"live.csv, line 2: a part must .* end after it begins"),
    ],
)
def test_invalid_row_is_named(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_recordings(table(folder, text), ("cat",))


def test_missing_column_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"`group` must name a column. There is no 'site'; there are 'file_name'"):
        find_recordings(table(folder, "file_name\nnorth/a.wav\n"), ("cat",), group="site")
    for options in ({"label": "species"}, {"group": "site"}, {"root": folder}):
        with pytest.raises(UsageError, match=r"apply to a table only. This is none"):
            find_recordings(folder, ("owl",), **options)


def test_table_is_read_as_in_training(folder: Path) -> None:
    """Monitoring and training read the same files, metadata and labels."""
    path = table(folder, f"file_name,label,split,site\n../north/a.wav,cat,test,n\n{folder}/south/b.wav,dog,train,s\n")
    trained = Dataset.load(path, root=folder / "cat").examples
    watched = find_recordings(path, ("cat", "dog"), root=folder / "cat").examples
    assert [replace(one, group="") for one in watched] == [replace(one, group="") for one in trained]
    assert watched[0].metadata == {"site": "n"}
