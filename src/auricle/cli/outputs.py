"""Outputs of commands: none may replace an input, a file among the inputs, or a file that auricle did not write."""

import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from auricle.errors import OutputError, UsageError
from auricle.runtime import files

__all__ = ["KINDS", "check_output"]

_HEAD_BYTES: Final = 2048
_TAIL_BYTES: Final = 1 << 20


def _begins(*starts: bytes) -> Callable[[BinaryIO], bool]:
    return lambda file: file.read(_HEAD_BYTES).startswith(starts)


def _mentions(start: bytes, name: bytes) -> Callable[[BinaryIO], bool]:
    def is_one(file: BinaryIO) -> bool:
        head = file.read(_HEAD_BYTES)
        return head.startswith(start) and name in head

    return is_one


def _is_bundle(file: BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "manifest.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _is_parquet_of_features(file: BinaryIO) -> bool:
    if file.read(4) != b"PAR1":
        return False
    file.seek(-min(_TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
    footer = file.read()
    return all(name in footer for name in (b"file", b"start_s", b"end_s", b"group"))


KINDS: Final[dict[str, Callable[[BinaryIO], bool]]] = {
    "bundle": _is_bundle,
    "journal of trials": _begins(b'{"op_code":'),
    "CSV table of features": _mentions(b"file,start_s,end_s,group,", b"_mean"),
    "Parquet table of features": _is_parquet_of_features,
    "table of labels": _begins(b"id,label,target,who,key,via,time,"),
    "CSV table of predictions": _begins(b"file,level,start_s,end_s,"),
    "JSON lines of predictions": _begins(b'{"file": '),
    "report": _mentions(b"<!doctype html>", b'<meta name="generator" content="auricle">'),
    "PNG picture": _mentions(b"\x89PNG", b"Matplotlib"),
    "SVG picture": _mentions(b"<?xml", b"Matplotlib"),
    "PDF picture": _begins(b"%PDF-1.4\n%\xac\xdc \xab\xba"),
    "ONNX graph": _mentions(b"\x08", b"\x12\x07auricle"),
    "card of a graph": _mentions(b'{\n "what": ', b'"auricle": '),
}
"""Kinds of outputs, and whether an existing file is one that auricle wrote."""


def check_output(path: Path | None, kind: str, inputs: Iterable[str | Path | None] = ()) -> None:
    """Check before any work that an output can be written, and replaces nothing but an earlier one of its kind.

    Parameters
    ----------
    path : Path or None
        None for no output.
    kind : str
        A key of ``KINDS``.
    inputs : iterable of str, Path or None
        Files and folders that the command reads, and its other outputs.

    Raises
    ------
    UsageError : the output is an input, lies among the files of one, or is a file of another origin or kind
    OutputError : it cannot be written
    """
    if path is None:
        return
    files.check_writable(path)
    for given in inputs:
        if given is not None:
            _check_input(path, Path(given))
    if not path.exists():
        return
    try:
        with path.open("rb") as existing:
            is_ours = os.fstat(existing.fileno()).st_size == 0 or KINDS[kind](existing)
    except OSError as error:
        raise OutputError(f"{path}: cannot be replaced: {error.strerror}.") from error
    if not is_ours:
        raise UsageError(
            f"{path}: the file exists, and is not a {kind} that auricle wrote. Name another file, or remove it first."
        )


def _check_input(path: Path, given: Path) -> None:
    # Two outputs of one name exist only later; links of both kinds, and names in another case, only the disk knows.
    is_same = os.path.realpath(path) == os.path.realpath(given)
    if is_same or (path.exists() and os.path.exists(given) and path.samefile(given)):  # noqa: PTH110  (long names)
        raise UsageError(
            f"{path}: the output must not replace what the command reads or writes elsewhere. Name another file."
        )
    is_folder = os.path.isdir(given)  # noqa: PTH112  (long names)
    if path.exists() and is_folder and path.resolve().is_relative_to(given.resolve()):
        raise UsageError(
            f"{path}: the file exists among the recordings in {given}, and may be one of the inputs. Name a file "
            "elsewhere, or remove it first."
        )
