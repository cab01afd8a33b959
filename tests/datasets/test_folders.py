from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.folders import read_class_folders
from auricle.errors import DataError

Folder = Callable[..., Path]


def test_label_is_the_name_of_the_sub_folder(folder: Folder) -> None:
    root = folder("dog/b.WAV", "dog/a.flac", "cat/deep/er/c.opus", "cat/.hidden.wav", "cat/notes.txt", ".git/x.wav")
    table = read_class_folders(root)
    assert [tuple(row.cells.values()) for row in table.rows] == [
        ("cat/deep/er/c.opus", "cat"),
        ("dog/a.flac", "dog"),
        ("dog/b.WAV", "dog"),
    ]


def test_links_to_folders_are_not_followed(folder: Folder) -> None:
    root = folder("dog/a.wav", "cat/b.wav")
    (root / "dog" / "again").symlink_to(root)
    assert [row.cells["file_name"] for row in read_class_folders(root).rows] == ["cat/b.wav", "dog/a.wav"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"one sub-folder of sound per class, or with a metadata.csv. This one has neither\."),
        (["a.wav", "b.wav"], r"This one has neither, but 2 sound files"),
        (["dog/a.wav", "b.wav"], r"must lie in the sub-folder of its class. b.wav lies beside them"),
        (["dog/a.wav", "cat/notes.txt"], r"cat: the folder of a class must hold sound \(.*\.wav.*\). It holds none"),
        (["train/dog/a.wav", "test/dog/b.wav"], r"test, train are splits: write a metadata.csv"),
        ([f"fold{n}/a.wav" for n in range(1, 11)], r"fold1, fold10, .* look like published folds: .* `--fold fold`"),
        (["Fold_1/dog/a.wav", "fold 2/dog/b.wav"], r"look like published folds: write a metadata.csv with the columns"),
    ],
)
def test_other_folders_are_refused(names: list[str], message: str, folder: Folder) -> None:
    with pytest.raises(DataError, match=message):
        read_class_folders(folder(*names))
