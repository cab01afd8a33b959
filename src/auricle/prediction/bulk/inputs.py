"""Expand the files, folders and patterns of a command line into a list of sound files."""

import glob
from collections.abc import Iterable
from pathlib import Path

from auricle.audio.sound_files import SOUND_SUFFIXES, find_sound_files
from auricle.errors import UsageError

__all__ = ["expand"]


def expand(inputs: Iterable[str | Path]) -> list[Path]:
    """Return the sound files of the inputs: files, folders at any depth, and glob patterns.

    Files of a folder or pattern are sorted by name, each listed once; hidden files are skipped. In a pattern ``**``
    matches any number of folders. A file that does not exist is kept, and its row holds the error.

    Raises
    ------
    UsageError : a folder holds no sound or cannot be listed, a pattern matches nothing, or there is no input
    """
    found: dict[str, None] = {}  # text, because a million hashed Path objects take half a gigabyte
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            files = list(find_sound_files(str(path), on_error=_refuse))
            if not files:
                raise UsageError(
                    f"{path}: the folder must hold sound files ({', '.join(sorted(SOUND_SUFFIXES))}). It holds none."
                )
        elif not path.exists() and glob.has_magic(str(path)):
            matches = map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207  (folders may hold wildcards too)
            files = [str(match) for match in sorted(match for match in matches if match.is_file())]
            if not files:
                raise UsageError(f"{name}: the pattern must match at least one file. It matches none.")
        else:
            files = [str(path)]
        found.update(dict.fromkeys(files))
    if not found:
        raise UsageError("At least one file, folder or pattern must be named. Got none.")
    return [Path(name) for name in found]


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename}: the folder must be readable. {error.strerror}.") from error
