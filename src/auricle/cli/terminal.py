"""What commands print with: answers on stdout, everything about the work on stderr."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import typer

from auricle.errors import AuricleError, OutputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["ALARM", "STATES", "TONES", "Bars", "err", "fail", "leave_if_unread", "print_json", "print_table"]


class _StandardError:
    """stderr; rich, which is slow to import, is imported when something is printed there."""

    @cached_property
    def console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    def print(self, what: Any, *, style: str | None = None, markup: bool | None = None) -> None:
        """Print a line, or what rich draws."""
        self.console.print(what, style=style, markup=markup)


err = _StandardError()

SHOWN_AFTER_S = 1.0
_NO_LIMIT = 100_000  # columns

TONES = {"serious": "red", "warning": "yellow", "note": "cyan", "good": "green"}
"""The colour of a finding or a verdict, by how bad it is."""

STATES = {"ok": TONES["good"], "watch": TONES["warning"], "alarm": TONES["serious"]}
"""The colour of what a check of a model finds, from the best to the worst."""

ALARM = 4
"""The exit code of an alarm."""


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())  # a file's name may be no UTF-8


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings on stdout: as wide as the terminal, and where there is none, as wide as they are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(Text, row))
    out = Console(highlight=False, emoji=False)
    if not out.is_terminal:
        out.width = _NO_LIMIT
    out.print(table)


def fail(error: AuricleError, *, as_json: bool = False) -> NoReturn:
    """Say what went wrong, and exit with 2."""
    if as_json:
        print_json({"error": error.as_json()})
    err.print(f"auricle: {error}", style="red", markup=False)
    sys.exit(2)


class Bars:
    """Progress bars on a terminal's stderr, one a stage, for whatever takes longer than a second; a context manager.

    Called with the name of a stage, how much of it is done, and how much there is.
    """

    def __init__(self, *, hidden: bool = False) -> None:
        self._hidden = hidden
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._stages: dict[str, tuple[int, int, str]] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show how much of a stage is done, and a note of how fast it goes."""
        self._stages[stage] = done, total, note
        if self._hidden or time.monotonic() - self._started < SHOWN_AFTER_S:
            return
        if self._progress is None:
            self._progress = _progress_bars()
            self._progress.start()
        for name, (completed, of, said) in self._stages.items():
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=of, note=said)
            self._progress.update(self._tasks[name], completed=completed, total=of, note=said)
        self._stages.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()


def _progress_bars() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=err.console,
        transient=True,
        disable=not err.console.is_terminal,
    )


@contextmanager
def leave_if_unread() -> Iterator[None]:
    """End the command quietly when nobody reads its stdout any longer, as ``head`` does once it has enough.

    Raises
    ------
    OutputError : stdout cannot be written for another reason
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _write_to_nothing()
        raise typer.Exit from None
    except OSError as error:
        _write_to_nothing()
        raise OutputError(f"stdout: cannot be written: {error.strerror}.") from error


def _write_to_nothing() -> None:
    # Python flushes stdout once more as it ends, and would fail once more.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
