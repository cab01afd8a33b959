from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.readers import READERS, read_table
from auricle.errors import DataError

Folder = Callable[..., Path]

CSV = "file_name,label\ndog/a.wav,dog\n"
JSONL = '{"file_name": "dog/a.wav", "label": "dog"}\n'


def test_every_format_gives_the_same_table(folder: Folder) -> None:
    root = folder("dog/a.wav", t__csv=CSV, t__jsonl=JSONL)
    (root / "audiofolder").mkdir()
    (root / "audiofolder" / "metadata.csv").write_text(CSV)
    (root / "lines").mkdir()
    (root / "lines" / "metadata.jsonl").write_text(JSONL)
    (root / "lines" / "beside.wav").write_bytes(b"")
    (root / "classes" / "dog").mkdir(parents=True)
    (root / "classes" / "dog" / "a.wav").write_bytes(b"")
    for name in ("t.csv", "t.jsonl", "audiofolder", "lines", "classes"):
        table = read_table(root / name)
        assert [dict(row.cells) for row in table.rows] == [{"file_name": "dog/a.wav", "label": "dog"}]
        assert table.folder == (root if name.startswith("t.") else root / name)


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: there is no such file or folder"):
        read_table(tmp_path / "nowhere")


def test_unknown_format_is_refused(folder: Folder) -> None:
    with pytest.raises(DataError, match=r"a.wav: labelled sound must be one of: .* CSV table, .* This is none of them"):
        read_table(folder("a.wav") / "a.wav")


def test_the_table_of_readers_names_each_form_once() -> None:
    assert list(READERS)[-1] == "folder with one sub-folder per class"  # it accepts any folder
