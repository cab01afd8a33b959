"""What a user names on the command line becomes a list of files: files, folders and patterns."""

import os
from collections.abc import Iterable
from pathlib import Path

from auricle.errors import UsageError

__all__ = ["SOUND_SUFFIXES", "expand"]

SOUND_SUFFIXES = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"})
"""What is picked up from a folder; a file named outright is opened whatever it is called."""


def expand(inputs: Iterable[str | Path]) -> list[Path]:
    """Return the files that the inputs name: a file itself, a folder's sounds at any depth, a pattern's matches.

    Files of a folder or pattern are in the order of their names, each once. A file that does not exist is kept: its
    row says so.

    Raises
    ------
    UsageError : a folder or pattern without any sound in it, or no input at all
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
        elif not path.exists() and any(sign in path.name for sign in "*?["):
            some = sorted(match for match in path.parent.glob(path.name) if match.is_file())
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
    return sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)
