"""Which recording a mark belongs to: the one that its line names, or the one beside which its file lies."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from auricle.audio.sound_files import find_sound_files

__all__ = ["Recordings", "text_files"]

TEXT_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".textgrid"})


def text_files(folder: Path) -> Iterator[Path]:
    """Yield the files that may hold annotations, in a folder and below, sorted; hidden ones are skipped."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if PurePosixPath(name).suffix.lower() in TEXT_SUFFIXES and not name.startswith("."):
                yield Path(parent, name)


class Recordings:
    """The recordings in a folder and below, found by path, by name and by the name of a file beside them.

    Parameters
    ----------
    folder : Path
        The folder of the data set; paths that are returned begin with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._named: dict[tuple[tuple[str, ...], Path], Path | None] = {}
        self.paths = tuple(map(Path, find_sound_files(str(folder), files_first=True)))

    @cached_property
    def order(self) -> dict[Path, int]:
        """The place of each recording."""
        return {path: place for place, path in enumerate(self.paths)}

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        return _by_stem(self.paths)

    @cached_property
    def _by_folder(self) -> dict[Path, dict[str, list[Path]]]:
        found: dict[Path, list[Path]] = {}
        for path in self.paths:
            found.setdefault(path.parent, []).append(path)
        return {parent: _by_stem(paths) for parent, paths in found.items()}

    def beside(self, file: Path) -> Path | None:
        """Return the recording whose annotations a file holds by its name; None if there is none, or several.

        ``x.Table.1.selections.txt``, ``x_labels.txt`` and ``x.TXT`` belong to ``x.wav``: of the recordings of the same
        folder, else of all, the one with the longest name that the file's name begins with. A file of another name
        belongs to the only recording of its folder.
        """
        in_folder = self._by_folder.get(file.parent, {})
        for by_stem in (in_folder, self._by_stem):
            if found := _longest(file.name.lower(), by_stem):
                return found[0] if len(found) == 1 else None
        alone = [path for paths in in_folder.values() for path in paths]
        return alone[0] if len(alone) == 1 else None

    def named(self, written: tuple[str, ...], beside: Path) -> Path | None:
        """Return the recording that a line names; None if it is not there, or if several may be meant.

        Parameters
        ----------
        written : tuple of str
            The path as the line writes it, absolute or relative to its file or the data set, the fullest first. It may
            be of another machine: the recording is then found by its name, and by its folders where names repeat.
        beside : Path
            The file that holds the line.
        """
        key = (written, beside.parent)
        if key not in self._named:
            self._named[key] = self._find(written, beside)
        return self._named[key]

    def _find(self, written: tuple[str, ...], beside: Path) -> Path | None:
        for name in written:
            for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
                for start in (beside.parent, self.folder):
                    path = Path(os.path.normpath(start / spelling))
                    if os.path.isfile(path):  # noqa: PTH113  (False also for names that no file can have)
                        return path
        for name in written:
            parts = _parts(name)
            same_name = self._by_stem.get(PurePosixPath(parts[-1]).stem.lower(), []) if parts else []
            exact = [path for path in same_name if path.name.lower() == parts[-1]]
            if found := _most_alike(parts, exact or same_name):
                return found
        return None


def _parts(name: str) -> list[str]:
    return [part.lower() for part in name.replace("\\", "/").split("/") if part]


def _by_stem(paths: Iterable[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.stem.lower(), []).append(path)
    return found


def _longest(name: str, by_stem: Mapping[str, list[Path]]) -> list[Path]:
    """Return the recordings with the longest stem that a file's name begins with, up to a character of another kind."""
    ends = (end for end in range(len(name), 0, -1) if not name[end : end + 1].isalnum())
    return next((by_stem[name[:end]] for end in ends if name[:end] in by_stem), [])


def _most_alike(parts: list[str], paths: list[Path]) -> Path | None:
    """Return the path that shares the most folders with the parts, from the name upwards; None if several do."""
    scores = [_n_shared(parts[:-1], _parts(str(path))[:-1]) for path in paths]
    best = max(scores, default=0)
    return paths[scores.index(best)] if scores.count(best) == 1 else None


def _n_shared(some: list[str], others: list[str]) -> int:
    n = 0
    for one, other in zip(reversed(some), reversed(others), strict=False):
        if one != other:
            break
        n += 1
    return n
