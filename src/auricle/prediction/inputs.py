"""What a user names on the command line becomes a list of files: files, folders and patterns."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

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
    found: dict[Path, None] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            some = [file for file in _walk(path) if file.suffix.lower() in SOUND_SUFFIXES]
            if not some:
                raise UsageError(
                    f"{path}: the folder must hold sound files ({', '.join(sorted(SOUND_SUFFIXES))}). It holds none."
                )
        elif not path.exists() and glob.has_magic(str(path)):
            matches = map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207  (folders may be patterns too)
            some = sorted(match for match in matches if match.is_file())
            if not some:
                raise UsageError(f"{given}: the pattern must match at least one file. It matches none.")
        else:
            some = [path]
        found.update(dict.fromkeys(some))
    if not found:
        raise UsageError("At least one file, folder or pattern must be named. Got none.")
    return list(found)


def _walk(folder: Path) -> list[Path]:
    # Links to folders are not followed: they may lead in a circle.
    found = []
    for root, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root) / name for name in names if not name.startswith(".")]
    return sorted(found)


def _refuse(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: the folder must be readable. {error.strerror}.") from error
