"""Expand the files, folders and patterns of a command line into a list of sound files."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auricle.audio.sound_files import SOUND_SUFFIXES, find_sound_files, unread_files
from auricle.errors import UsageError
from auricle.records import Omitted, count_omitted

__all__ = ["Inputs", "expand"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The sound files of the inputs of a command, and what else lies in the folders and patterns named."""

    files: list[Path]
    omitted: tuple[Omitted, ...]


def expand(inputs: Iterable[str | Path]) -> Inputs:
    """Return the sound files of the inputs: files, folders at any depth, and glob patterns.

    Files of a folder or pattern are sorted by name, each listed once; hidden files are left out. In a pattern ``**``
    matches any number of folders. A file that does not exist is kept, and its row holds the error.

    Raises
    ------
    UsageError : a folder holds no sound or cannot be listed, a pattern matches nothing, or there is no input
    """
    found: dict[str, None] = {}  # text, because a million hashed Path objects take half a gigabyte
    omitted: list[Omitted] = []
    twice: list[tuple[str, str, str]] = []
    for name in inputs:
        if not str(name).strip():
            raise UsageError("Every input must be a file, folder or pattern. One is empty: is a variable unset?")
        path = Path(name)
        if path.is_dir():
            files = list(find_sound_files(str(path), on_error=_refuse))
            if not files:
                raise UsageError(
                    f"{path}: the folder must hold sound files ({', '.join(sorted(SOUND_SUFFIXES))}). It holds none."
                )
            omitted += unread_files(str(path), frozenset(map(os.path.normpath, files)))
        elif not path.exists() and glob.has_magic(str(path)):
            matches = map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207  (folders may hold wildcards too)
            files = [str(match) for match in sorted(match for match in matches if match.is_file())]
            if not files:
                raise UsageError(f"{name}: the pattern must match at least one file. It matches none.")
        else:
            files = [str(path)]
        twice += [("recordings", "named twice", file) for file in files if file in found]
        found.update(dict.fromkeys(files))
    if not found:
        raise UsageError("At least one file, folder or pattern must be named. Got none.")
    return Inputs([Path(name) for name in found], (*omitted, *count_omitted(twice)))


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename}: the folder must be readable. {error.strerror}.") from error
