"""Write rows to a file that a killed run can resume: a part file, and a journal of the files with complete rows.

During a run, its rows are in ``NAME.part`` and its journal in ``NAME.journal``. The journal's first line holds the
settings of the run; each further line names files with complete rows, and the length of the part file with them. The
part file is synced before its line is written, and the line before the next one. Whenever a kill comes, the last
complete line thus describes no more than is on disk; the part file is cut there, and later files are predicted again.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from auricle.errors import AuricleError, OutputError, UsageError
from auricle.runtime import files
from auricle.runtime.clock import new_id

__all__ = ["COMMIT_EVERY_S", "ResumableFile", "journal_of"]

COMMIT_EVERY_S = 0.5
"""Most work that is repeated after a kill, in seconds."""

MAX_NAME_BYTES: Final = 255
"""Of a file, on every usual file system."""

_BUFFER_BYTES = 1 << 18


def journal_of(path: Path) -> Path:
    """Return the journal of a run that writes to a path."""
    return _beside(Path(os.path.realpath(path)), ".journal")


def _beside(target: Path, suffix: str) -> Path:
    """Return a path beside the target: its name and a suffix, or the beginning of a name that is too long for both."""
    name = os.fsencode(target.name)
    if len(name) + len(suffix) <= MAX_NAME_BYTES:
        return target.with_name(f"{target.name}{suffix}")
    digest = hashlib.sha256(name).hexdigest()[:16]
    return target.with_name(f"{os.fsdecode(name[:128])}-{digest}{suffix}")


class _WrittenFile(NamedTuple):
    """A file with its rows written, and their end in the part file."""

    file: str
    end: int
    sound_s: float
    is_failed: bool


class ResumableFile:
    """A file of rows that appears under its name when it is finished; a context manager.

    Parameters
    ----------
    path : Path
    settings : mapping
        Plain values that determine the rows; a resumed run must have the same.
    head : bytes
        First line, or empty.
    resume : bool
        Resume a stopped run, if there is one.
    on_synced : function, optional
        Called with the names of files with rows on disk, before the journal names them. Called again with the same
        files if it fails, or if a kill comes before the journal names them.

    Attributes
    ----------
    run : str
        Id of the run, kept when it is resumed.
    done : set of str
        Names of the files with rows from the stopped run.
    n_failed, sound_s
        Failed files and seconds of sound among them.

    Raises
    ------
    OutputError : the file cannot be written, another run is writing it, or one was stopped and ``resume`` is not set
    UsageError : the stopped run had other settings
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        head: bytes = b"",
        resume: bool = False,
        on_synced: Callable[[list[str]], None] | None = None,
    ) -> None:
        files.check_writable(path)
        self.run = new_id()
        self._on_synced = on_synced
        self._path = path
        self._target = Path(os.path.realpath(path))
        self._part_path = _beside(self._target, ".part")
        self._journal_path = journal_of(path)
        self._journal = self._part = -1
        self.done: set[str] = set()
        self.n_failed, self.sound_s = 0, 0.0
        self._n_bytes = 0  # of all rows
        self._n_written_bytes = 0  # of them, those in the part file
        self._journal_end = 0
        self._is_new = False  # no run to resume
        self._pending: list[_WrittenFile] = []
        self._buffer = bytearray()
        self._committed_at = time.monotonic()
        try:
            self._journal = _open(self._journal_path)
            self._lock()
            self._resume_or_begin(json.loads(json.dumps(settings)), head, resume=resume)
        except OSError as error:
            if self._is_new:
                self._remove()
            self._close()
            raise self.write_error(error) from error
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
            with suppress(OSError, AuricleError):  # complete rows need not be predicted again
                self._commit_complete()
            is_empty = not self.done
        else:  # an interrupt may have come between a write and its journal line: the journal counts
            is_empty = len(_complete_lines(self._journal)[0]) <= 1
        if is_empty:
            self._remove()
        self._close()

    def write(self, file: str, text: Iterable[bytes], *, sound_s: float, is_failed: bool) -> None:
        """Write all rows of one file; a later commit makes them safe.

        The ``OSError`` of a full or missing disk passes through; committed rows are safe.
        """
        n_bytes = 0
        for block in text:
            n_bytes += len(block)
            self._buffer += block
            if len(self._buffer) >= _BUFFER_BYTES:
                self._write_out()
        self._n_bytes += n_bytes
        self._pending.append(_WrittenFile(file, self._n_bytes, sound_s, is_failed))
        if time.monotonic() - self._committed_at >= COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Make all written rows safe from a kill and a power cut; errors as :meth:`write`."""
        self._write_out()
        self._journal_files(self._pending)

    def finish(self) -> None:
        """Give the file its name and remove the journal; errors as :meth:`write`."""
        self.commit()
        self._part_path.replace(self._target)
        files.sync_folder(self._target.parent)
        self._journal_path.unlink()

    def write_error(self, error: OSError) -> OutputError:
        """Return the error for a failed write, with the rows that are safe and how to resume; the file is closed."""
        return OutputError(
            f"{self._path}: cannot be written: {error.strerror or error}. {self.resume_hint('Make room')}"
        )

    def resume_hint(self, remedy: str) -> str:
        """Return how many rows are safe, and how to resume after the remedy; the file is closed."""
        if not self.done:
            return "Nothing was left behind."
        count = "1 file" if len(self.done) == 1 else f"{len(self.done)} files"
        return f"The rows of {count} are safe in {self._part_path}. {remedy} and give the same command with --resume."

    def _commit_complete(self) -> None:
        """Commit the complete rows on the disk, after an error that may have cut some short."""
        with suppress(OSError):
            self._write_out()
        size = os.fstat(self._part).st_size
        self._journal_files([file for file in self._pending if file.end <= size])

    def _journal_files(self, written: list["_WrittenFile"]) -> None:
        os.fsync(self._part)
        if not written:
            return
        line: dict[str, Any] = {
            "files": [file.file for file in written],
            "bytes": written[-1].end,
            "failed": sum(file.is_failed for file in written),
            "sound_s": sum(file.sound_s for file in written),
        }
        if self._on_synced is not None:
            self._on_synced(line["files"])
        self._append_to_journal(line)
        self._count(line)
        self._pending = []
        self._committed_at = time.monotonic()

    def _append_to_journal(self, line: Mapping[str, Any]) -> None:
        """Write a line of the journal, over the rest of an attempt that failed."""
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

    def _resume_or_begin(self, settings: dict[str, Any], head: bytes, *, resume: bool) -> None:
        lines, self._journal_end = _complete_lines(self._journal)
        if lines and not resume:
            raise OutputError(
                f"{self._path}: a stopped run left its rows in {self._part_path}. Resume it with --resume, or remove "
                f"that file and {self._journal_path} to start again."
            )
        if lines:
            self.run = lines[0].pop("run")
            self._check_same(lines[0], settings)
            for line in lines[1:]:
                self._count(line)
                self._n_bytes = line["bytes"]
        else:
            self._is_new = True
            self._append_to_journal({"run": self.run, **settings})
        if self._n_bytes and _size(self._part_path) is None and _size(self._target) == self._n_bytes:
            self._target.replace(self._part_path)  # killed after it got its name, before the journal was removed
        if self._n_bytes > (_size(self._part_path) or 0):
            raise OutputError(
                f"{self._part_path}: the file must hold the {self._n_bytes} bytes that {self._journal_path} names. "
                f"Got {_size(self._part_path) or 0}. Remove both files to start again."
            )
        self._part = _open(self._part_path)
        os.ftruncate(self._part, self._n_bytes)
        self._n_written_bytes = self._n_bytes
        files.sync_folder(self._target.parent)
        if not self._n_bytes:
            self._buffer += head
            self._n_bytes = len(head)

    def _check_same(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if changed:
            changes = "; ".join(f"{name} was {before.get(name)!r}, and is {now.get(name)!r}" for name in changed)
            raise UsageError(
                f"{self._path}: a resumed run must have the settings of the stopped one. "
                f"{changes[0].upper()}{changes[1:]}. Give the same command, or remove {self._part_path} and "
                f"{self._journal_path} to start again."
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
            n_bytes = os.pwrite(self._part, self._buffer[:_BUFFER_BYTES], self._n_written_bytes)
            del self._buffer[:n_bytes]  # at once, so that after an error the next write begins here
            self._n_written_bytes += n_bytes

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


def _complete_lines(descriptor: int) -> tuple[list[dict[str, Any]], int]:
    """Return the complete lines of the journal and their length in bytes; a line that a kill cut short is dropped."""
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
