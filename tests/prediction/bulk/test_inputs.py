import os
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.errors import UsageError
from auricle.prediction.bulk.inputs import expand


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def names(root: Path, *inputs: str | Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in expand(root / name for name in inputs).files]


def test_a_folder_stands_for_its_sounds_at_any_depth(tree: Callable[..., Path]) -> None:
    root = tree("b.wav", "a.FLAC", "c/d/e.ogg", "c/notes.txt", "c.mp3", "x.wav.part")
    assert names(root, "") == ["a.FLAC", "b.wav", "c/d/e.ogg", "c.mp3"]


def test_hidden_files_are_skipped_unless_named(tree: Callable[..., Path]) -> None:
    root = tree("a.wav", "._a.wav", ".trash/b.wav")
    assert names(root, "") == ["a.wav"]
    assert names(root, "._a.wav") == ["._a.wav"]
    assert names(root, "*.wav") == ["a.wav"]


def test_an_existing_file_is_taken_under_any_name(tree: Callable[..., Path]) -> None:
    root = tree("notes.txt", "a[1].wav", "a1.wav", "what?.wav")
    assert names(root, "notes.txt", "a[1].wav", "what?.wav") == ["notes.txt", "a[1].wav", "what?.wav"]


def test_a_missing_file_is_kept(tree: Callable[..., Path]) -> None:
    root = tree("a.wav")
    assert names(root, "no.wav", "a.wav", "no/no.wav") == ["no.wav", "a.wav", "no/no.wav"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.wav", ["a.wav", "b.wav"]),
        ("?.*", ["a.wav", "b.wav", "c.ogg"]),
        ("[bc].*", ["b.wav", "c.ogg"]),
        ("day*/*.wav", ["day1/d.wav", "day2/e.wav"]),
        ("day*/d.wav", ["day1/d.wav"]),
        ("**/*.wav", ["a.wav", "b.wav", "day1/d.wav", "day2/deep/f.wav", "day2/e.wav"]),
    ],
)
def test_a_pattern_stands_for_its_matches(pattern: str, found: list[str], tree: Callable[..., Path]) -> None:
    root = tree("b.wav", "a.wav", "c.ogg", "day1/d.wav", "day2/e.wav", "day2/deep/f.wav")
    (root / "folder.wav").mkdir()
    assert names(root, pattern) == found


def test_inputs_keep_their_order_without_duplicates(tree: Callable[..., Path]) -> None:
    root = tree("z.wav", "d/a.wav", "d/b.wav")
    assert names(root, "z.wav", "d/b.wav", "d", "z.wav", "d/*.wav") == ["z.wav", "d/b.wav", "d/a.wav"]


def test_linked_files_are_taken_and_linked_folders_are_skipped(tree: Callable[..., Path]) -> None:
    root = tree("d/a.wav")
    (root / "d" / "loop").symlink_to(root, target_is_directory=True)
    (root / "d" / "b.wav").symlink_to(root / "d" / "a.wav")
    (root / "d" / "self.wav").symlink_to(root / "d" / "self.wav")
    (root / "link").symlink_to(root / "d", target_is_directory=True)
    assert names(root, "d") == ["d/a.wav", "d/b.wav", "d/self.wav"]
    assert names(root, "link") == ["link/a.wav", "link/b.wav", "link/self.wav"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "At least one file, folder or pattern must be named"),
        (["empty"], r"empty: the folder must hold sound files \(.*\.wav, .*\)\. It holds none"),
        (["*.xyz"], r"\*\.xyz: the pattern must match at least one file\. It matches none"),
        (["no*/a.wav"], r"the pattern must match at least one file"),
    ],
)
def test_an_input_without_files_is_refused(given: list[str], message: str, tree: Callable[..., Path]) -> None:
    root = tree("empty/notes.txt")
    with pytest.raises(UsageError, match=message):
        names(root, *given)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_an_unreadable_folder_is_an_error(tree: Callable[..., Path]) -> None:
    root = tree("a.wav", "closed/b.wav")
    (root / "closed").chmod(0)
    try:
        with pytest.raises(UsageError, match=r"closed: the folder must be readable\. Permission denied"):
            names(root, "")
    finally:
        (root / "closed").chmod(0o700)
