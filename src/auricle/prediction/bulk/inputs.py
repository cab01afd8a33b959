"""What a user names on the command line becomes a list of files: files, folders and patterns."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from auricle.errors import UsageError

__all__ = ["SOUND_SUFFIXES", "expand"]

SOUND_SUFFIXES = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"})
"""What is picked up from a folder; a file named outright is opened whatever it is called."""


def expand(inputs: Iterable[str | Path]) -> list[Path]:
    """Return the files that the inputs name: a file itself, a folder's sounds at any depth, a pattern's matches.

    Files of a folder or pattern are in the order of their names, each once; hidden ones are passed over. In a pattern
    ``**`` is any number of folders. A file that does not exist is kept: its row says so.

    Raises
    ------
    UsageError : a folder without sound or that cannot be listed, a pattern that matches nothing, or no input at all
    """
    found: dict[str, None] = {}  # of text: a million paths that were hashed or compared take half a gigabyte
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            some = list(_walk(str(path)))
            if not some:
                raise UsageError(
                    f"{path}: the folder must hold sound files ({', '.join(sorted(SOUND_SUFFIXES))}). It holds none."
                )
        elif not path.exists() and glob.has_magic(str(path)):
            matches = map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207  (folders may be patterns too)
            some = [str(match) for match in sorted(match for match in matches if match.is_file())]
            if not some:
                raise UsageError(f"{given}: the pattern must match at least one file. It matches none.")
        else:
            some = [str(path)]
        found.update(dict.fromkeys(some))
    if not found:
        raise UsageError("At least one file, folder or pattern must be named. Got none.")
    return [Path(name) for name in found]


def _walk(folder: str) -> Iterator[str]:
    """Yield the sound files of a folder at any depth, in the order of their names, part by part."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise UsageError(f"{error.filename}: the folder must be readable. {error.strerror}.") from error
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112
            continue  # links to folders may lead in a circle
        elif os.path.splitext(entry.name)[1].lower() in SOUND_SUFFIXES:  # noqa: PTH122
            yield entry.path
