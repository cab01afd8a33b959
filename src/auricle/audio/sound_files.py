"""Find the sound files in a folder, at any depth, by suffix, and what else lies in it."""

import os
from collections.abc import Callable, Container, Iterator
from typing import Final

from auricle.audio.decoding.ffmpeg import is_installed
from auricle.records import Omitted, count_omitted

__all__ = ["SOUND_SUFFIXES", "find_sound_files", "unread_files"]

FFMPEG_SUFFIXES: Final = frozenset(
    {".m4a", ".m4b", ".mp4", ".mov", ".aac", ".alac", ".caf", ".3gp", ".webm", ".mka", ".mkv", ".wma", ".amr", ".wv"}
)
"""Suffixes of files that the extra ``formats`` reads."""

SOUND_SUFFIXES: Final = frozenset(
    {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"}
) | (FFMPEG_SUFFIXES if is_installed() else frozenset())
"""Suffixes of the files taken from a folder; a file named by itself may have any, its content decides."""


def find_sound_files(
    folder: str, *, files_first: bool = False, on_error: Callable[[OSError], None] = lambda _: None
) -> Iterator[str]:
    """Yield the paths of the sound files in a folder, sorted by the parts of the path.

    Hidden files and folders are skipped, and links to folders, which may form a cycle, are not followed.

    Parameters
    ----------
    folder : str
    files_first : bool
        Whether the files of each folder come before its sub-folders; otherwise both are sorted together.
    on_error : callable
        Called for a folder that cannot be listed, which is then skipped.
    """
    try:
        with os.scandir(folder) as entries:
            visible = [(_is_folder(entry), entry) for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        on_error(error)
        return
    for is_folder, entry in sorted(visible, key=lambda item: (item[0] and files_first, item[1].name)):
        if is_folder and not entry.is_symlink():
            yield from find_sound_files(entry.path, files_first=files_first, on_error=on_error)
        elif not is_folder and os.path.splitext(entry.name)[1].lower() in SOUND_SUFFIXES:  # noqa: PTH122
            yield entry.path


def unread_files(
    folder: str, read: Container[str], reason: Callable[[str], str] = lambda _: "not sound"
) -> tuple[Omitted, ...]:
    """Count what lies in a folder, at any depth, and was not read.

    Hidden files and folders count only where they have the suffix of sound.

    Parameters
    ----------
    folder : str
    read : container of str
        Paths that were read, normalised, as ``folder`` followed by their parts.
    reason : callable
        Returns why a file that has no suffix of sound was not read, from its path.
    """
    return count_omitted(_unread(folder, read, reason))


def _unread(folder: str, read: Container[str], reason: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield "folders", f"cannot be listed, {error.strerror}", folder
        return
    for entry in entries:
        is_hidden, suffix = entry.name.startswith("."), os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
        if _is_folder(entry):
            if is_hidden:
                continue
            if entry.is_symlink():
                yield "folders", "links to folders are not followed", entry.path
            else:
                yield from _unread(entry.path, read, reason)
        elif os.path.normpath(entry.path) in read:
            continue
        elif suffix in SOUND_SUFFIXES:
            yield "recordings", "hidden" if is_hidden else "named by no row or annotation", entry.path
        elif suffix in FFMPEG_SUFFIXES and not is_hidden:
            yield "recordings", "they need the extra `formats`: pip install 'auricle[formats]'", entry.path
        elif not is_hidden:
            yield "files", reason(entry.path), entry.path


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    if entry.is_symlink():
        return os.path.isdir(entry.path)  # noqa: PTH112  (False for a link to itself, where the entry would raise)
    return entry.is_dir()
