from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.folders import find_sound, read_class_folders
from auricle.errors import DataError

Folder = Callable[..., Path]


def test_the_sub_folder_is_the_label(folder: Folder) -> None:
    root = folder("dog/b.WAV", "dog/a.flac", "cat/deep/er/c.opus", "cat/.hidden.wav", "cat/notes.txt", ".git/x.wav")
    table = read_class_folders(root)
    assert [tuple(row.cells.values()) for row in table.rows] == [
        ("cat/deep/er/c.opus", "cat"),
        ("dog/a.flac", "dog"),
        ("dog/b.WAV", "dog"),
    ]


def test_links_to_folders_are_not_followed_round_in_circles(folder: Folder) -> None:
    root = folder("dog/a.wav", "cat/b.wav")
    (root / "dog" / "again").symlink_to(root)
    assert [path.name for path in find_sound(root / "dog")] == ["a.wav"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"one sub-folder of sound per class, or with a metadata.csv. This one has neither\."),
        (["a.wav", "b.wav"], r"This one has neither, but 2 sound files"),
        (["dog/a.wav", "b.wav"], r"must lie in its class's sub-folder. b.wav lies beside them"),
        (["dog/a.wav", "cat/notes.txt"], r"cat: a class's folder must hold sound \(.*\.wav.*\). It holds none"),
        (["train/dog/a.wav", "test/dog/b.wav"], r"test, train are splits: write a metadata.csv"),
    ],
)
def test_what_is_no_folder_of_classes(names: list[str], message: str, folder: Folder) -> None:
    with pytest.raises(DataError, match=message):
        read_class_folders(folder(*names))
