"""A file that a killed run leaves so that another can go on: rows aside, and a journal of those that count.

While a run goes on, its rows stand in ``NAME.part`` and its journal in ``NAME.journal``. The journal's first line says
what was asked; each further line names files whose rows are whole, and how long the part then was. The part is synced
before its line is written, and the line before the next: whatever the moment of a kill, the last line that is whole
tells no more than is on disk. What lies beyond it is cut off, and answered again.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from auricle.errors import AuricleError, OutputError, UsageError
from auricle.runtime import files
from auricle.runtime.clock import new_id

__all__ = ["COMMIT_EVERY_S", "ResumableFile"]

COMMIT_EVERY_S = 0.5
"""At most so much work is done again after a kill."""

_BUFFER = 1 << 18


class _Written(NamedTuple):
    """A file whose rows were taken, and where they end."""

    file: str
    end: int
    sound_s: float
    is_failed: bool


class ResumableFile:
    """A file of rows that appears under its name when it is finished; a context manager.

    Parameters
    ----------
    path : the file
    asked : what decides the rows, as plain values; a run that goes on must be asked the same
    head : its first line, or nothing
    resume : go on where a run was stopped; there may be none
    settle : told of files whose rows are on the disk and about to count; told again of the same files if it fails, or
        if a kill comes before they count

    Attributes
    ----------
    run : id of the run, the same when it goes on
    done : names of the files whose rows it holds already
    n_failed, sound_s : of them

    Raises
    ------
    OutputError : the file cannot be written, another run is writing it, or one was stopped and ``resume`` is not set
    UsageError : the run that was stopped was asked something else
    """

    def __init__(
        self,
        path: Path,
        asked: Mapping[str, Any],
        *,
        head: bytes = b"",
        resume: bool = False,
        flush: Callable[[list[str]], None] | None = None,
    ) -> None:
        files.check_writable(path)
        self.run = new_id()
        self._settle = flush
        self._path = path
        self._target = Path(os.path.realpath(path))
        self._part_path = self._target.with_name(f"{self._target.name}.part")
        self._journal_path = self._target.with_name(f"{self._target.name}.journal")
        self._journal = self._part = -1
        self.done: set[str] = set()
        self.n_failed, self.sound_s = 0, 0.0
        self._n_bytes = 0  # of all rows taken
        self._written = 0  # of them, those that are in the part
        self._journal_end = 0
        self._is_new = False  # nothing of an earlier run is there
        self._pending: list[_Written] = []
        self._buffer = bytearray()
        self._committed_at = time.monotonic()
        try:
            self._journal = _open(self._journal_path)
            self._lock()
            self._go_on_or_begin(json.loads(json.dumps(asked)), head, resume=resume)
        except OSError as error:
            if self._is_new:
                self._remove()
            self._close()
            raise self.full(error) from error
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._journal < 0 or error is None:
            self._close()
            return
        if isinstance(error, Exception):
            with suppress(OSError, AuricleError):  # what is whole need not be answered again
                self._keep_whole()
            is_empty = not self.done
        else:  # an interrupt may have come between a write and the note of it: what the journal says holds
            is_empty = len(_whole_lines(self._journal)[0]) <= 1
        if is_empty:
            self._remove()
        self._close()

    def write(self, file: str, text: Iterable[bytes], *, sound_s: float, is_failed: bool) -> None:
        """Take all the rows of one file; they count when they are synced, a moment later.

        The system's own error passes where the disk is full, or gone; what was committed is safe.
        """
        n_bytes = 0
        for block in text:
            n_bytes += len(block)
            self._buffer += block
            if len(self._buffer) >= _BUFFER:
                self._write_out()
        self._n_bytes += n_bytes
        self._pending.append(_Written(file, self._n_bytes, sound_s, is_failed))
        if time.monotonic() - self._committed_at >= COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Make what was written safe from a kill and a power cut; as :meth:`write`."""
        self._write_out()
        self._tell(self._pending)

    def finish(self) -> None:
        """Give the file its name, and remove the journal; as :meth:`write`."""
        self.commit()
        self._part_path.replace(self._target)
        files.sync_folder(self._target.parent)
        self._journal_path.unlink()

    def full(self, error: OSError) -> OutputError:
        """Return what to say of an error of the disk once the file is closed: what was written, and how to go on."""
        told = f"{self._path}: cannot be written: {error.strerror or error}."
        return OutputError(f"{told} {self.left('Make room')}")

    def left(self, remedy: str) -> str:
        """Say, once the file is closed, what was left behind, and how to go on after the remedy."""
        if not self.done:
            return "Nothing was left behind."
        count = "1 file" if len(self.done) == 1 else f"{len(self.done)} files"
        return f"The rows of {count} are safe in {self._part_path}. {remedy} and give the same command with --resume."

    def _keep_whole(self) -> None:
        """Commit the rows that are on the disk, after an error that may have cut some short."""
        with suppress(OSError):
            self._write_out()
        size = os.fstat(self._part).st_size
        self._tell([written for written in self._pending if written.end <= size])

    def _tell(self, written: list["_Written"]) -> None:
        os.fsync(self._part)
        if not written:
            return
        line: dict[str, Any] = {
            "files": [one.file for one in written],
            "bytes": written[-1].end,
            "failed": sum(one.is_failed for one in written),
            "sound_s": sum(one.sound_s for one in written),
        }
        if self._settle is not None:
            self._settle(line["files"])
        self._note(line)
        self._count(line)
        self._pending = []
        self._committed_at = time.monotonic()

    def _note(self, line: Mapping[str, Any]) -> None:
        """Write a line of the journal, over what an error may have left of the last attempt."""
        text = json.dumps(line).encode() + b"\n"
        os.ftruncate(self._journal, self._journal_end)
        _write_at(self._journal, text, self._journal_end)
        os.fsync(self._journal)
        self._journal_end += len(text)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{self._path}: another run is writing it. Wait for it, or name another file.") from None

    def _go_on_or_begin(self, asked: dict[str, Any], head: bytes, *, resume: bool) -> None:
        lines, self._journal_end = _whole_lines(self._journal)
        if lines and not resume:
            raise OutputError(
                f"{self._path}: a run that was stopped left its rows in {self._part_path}. Go on with --resume, or "
                f"remove that file and {self._journal_path} to begin anew."
            )
        if lines:
            self.run = lines[0].pop("run")
            self._check_same(lines[0], asked)
            for line in lines[1:]:
                self._count(line)
                self._n_bytes = line["bytes"]
        else:
            self._is_new = True
            self._note({"run": self.run, **asked})
        if self._n_bytes and _size(self._part_path) is None and _size(self._target) == self._n_bytes:
            self._target.replace(self._part_path)  # killed after its name was given, before the journal went
        if self._n_bytes > (_size(self._part_path) or 0):
            raise OutputError(
                f"{self._part_path}: the {self._n_bytes} bytes that {self._journal_path} tells of must be there. "
                f"Got {_size(self._part_path) or 0}. Remove both files to begin anew."
            )
        self._part = _open(self._part_path)
        os.ftruncate(self._part, self._n_bytes)
        self._written = self._n_bytes
        files.sync_folder(self._target.parent)
        if not self._n_bytes:
            self._buffer += head
            self._n_bytes = len(head)

    def _check_same(self, before: dict[str, Any], asked: dict[str, Any]) -> None:
        other = [name for name in {**before, **asked} if before.get(name) != asked.get(name)]
        if other:
            told = "; ".join(f"{name} was {before.get(name)!r}, and is {asked.get(name)!r}" for name in other)
            raise UsageError(
                f"{self._path}: a run goes on as it was begun. {told[0].upper()}{told[1:]}. Give the same command, or "
                f"remove {self._part_path} and {self._journal_path} to begin anew."
            )

    def _count(self, line: Mapping[str, Any]) -> None:
        self.done.update(line["files"])
        self.n_failed += line["failed"]
        self.sound_s += line["sound_s"]

    def _remove(self) -> None:
        self._journal_path.unlink(missing_ok=True)
        self._part_path.unlink(missing_ok=True)

    def _write_out(self) -> None:
        while self._buffer:
            n_bytes = os.pwrite(self._part, self._buffer[:_BUFFER], self._written)
            del self._buffer[:n_bytes]  # at once: after an error, what follows begins where this ended
            self._written += n_bytes

    def _close(self) -> None:
        for descriptor in (self._part, self._journal):
            if descriptor >= 0:
                os.close(descriptor)
        self._part = self._journal = -1


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _write_at(descriptor: int, content: bytes, at: int) -> None:
    while content:
        n_bytes = os.pwrite(descriptor, content, at)
        content, at = content[n_bytes:], at + n_bytes


def _whole_lines(descriptor: int) -> tuple[list[dict[str, Any]], int]:
    """Return the lines that were written to their end, and where they end; what a kill cut short is no line."""
    lines, length = [], 0
    with os.fdopen(os.dup(descriptor), "rb") as journal:
        journal.seek(0)
        for raw in journal:
            try:
                line = json.loads(raw) if raw.endswith(b"\n") else None
            except ValueError:
                line = None
            if not isinstance(line, dict):
                break
            lines.append(line)
            length += len(raw)
    return lines, length
