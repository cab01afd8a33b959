from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.audio.sound_files import find_sound_files


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def names(root: Path, **options: bool) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in find_sound_files(str(root), **options)]


def test_sound_files_of_any_depth_are_sorted_with_or_after_the_folders(tree: Callable[..., Path]) -> None:
    root = tree("c/d/e.OGG", "c/notes.txt", "c/.hidden.wav", ".git/x.wav", "d.wav", "b.flac", "c/f.wav", "c/a/g.wav")
    assert names(root) == ["b.flac", "c/a/g.wav", "c/d/e.OGG", "c/f.wav", "d.wav"]
    assert names(root, files_first=True) == ["b.flac", "d.wav", "c/f.wav", "c/a/g.wav", "c/d/e.OGG"]


def test_links_to_folders_are_not_followed_and_links_to_files_are(tree: Callable[..., Path]) -> None:
    root = tree("dog/a.wav")
    (root / "dog" / "again.wav").symlink_to(root, target_is_directory=True)
    (root / "dog" / "b.wav").symlink_to(root / "dog" / "a.wav")
    (root / "dog" / "broken.wav").symlink_to(root / "nowhere.wav")
    assert names(root) == ["dog/a.wav", "dog/b.wav", "dog/broken.wav"]


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    errors: list[OSError] = []
    assert list(find_sound_files(str(tmp_path / "no"), on_error=errors.append)) == []
    assert [type(error) for error in errors] == [FileNotFoundError]
