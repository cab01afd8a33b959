"""Outputs of commands: none may replace an input, a file among the inputs, or a file of another kind."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from auricle.errors import OutputError, UsageError
from auricle.runtime import files

__all__ = ["KINDS", "check_output"]

_HEAD_BYTES: Final = 512


def _begins(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


def _is_csv(head: bytes) -> bool:
    return b"\0" not in head and not head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"<", b"[", b"%PDF"))


def _is_html(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower().startswith((b"<!doctype", b"<html"))


KINDS: Final[dict[str, Callable[[bytes], bool]]] = {
    "bundle": _begins(b"PK\x03\x04"),
    "CSV table": _is_csv,
    "Parquet table": _begins(b"PAR1"),
    "JSON lines": _begins(b"{"),
    "HTML page": _is_html,
    "PNG picture": _begins(b"\x89PNG"),
    "SVG picture": _begins(b"<?xml", b"<svg"),
    "PDF picture": _begins(b"%PDF"),
    "ONNX graph": _begins(b"\x08"),
    "label track": _is_csv,
}
"""Kinds of outputs, and whether an existing file that begins with these bytes is one."""


def check_output(path: Path | None, kind: str, inputs: Iterable[str | Path | None] = ()) -> None:
    """Check before any work that an output can be written, and replaces nothing but an earlier one of its kind.

    Parameters
    ----------
    path : Path or None
        None for no output.
    kind : str
        A key of ``KINDS``.
    inputs : iterable of str, Path or None
        Files and folders that the command reads.

    Raises
    ------
    UsageError : the output is an input, lies among the files of one, or is a file of another kind
    OutputError : it cannot be written
    """
    if path is None:
        return
    files.check_writable(path)
    if not path.exists():
        return
    for given in inputs:
        if given is not None and os.path.exists(given):  # noqa: PTH110
            _check_input(path, Path(given))
    try:
        with path.open("rb") as existing:
            head = existing.read(_HEAD_BYTES)
    except OSError as error:
        raise OutputError(f"{path}: cannot be replaced: {error.strerror}.") from error
    if head and not KINDS[kind](head):
        raise UsageError(
            f"{path}: the file exists, and is no {kind}, which would replace it. Name another file, or remove it first."
        )


def _check_input(path: Path, given: Path) -> None:
    if path.samefile(given):
        raise UsageError(f"{path}: the output must not replace what the command reads. Name another file.")
    if given.is_dir() and path.resolve().is_relative_to(given.resolve()):
        raise UsageError(
            f"{path}: the file exists among the recordings in {given}, and may be one of the inputs. Name a file "
            "elsewhere, or remove it first."
        )
