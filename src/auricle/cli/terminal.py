"""Output of commands: results on stdout; progress, warnings and errors on stderr."""

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

from auricle.cli.commands import end_startup
from auricle.errors import AuricleError, DataError, OutputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from auricle.records import Omitted

__all__ = [
    "ALARM",
    "STATES",
    "TONES",
    "Bars",
    "err",
    "fail",
    "leave_if_unread",
    "print_json",
    "print_omitted",
    "print_table",
    "stdout_console",
]


class _StandardError:
    """stderr as a rich console; rich, which is slow to import, is imported at the first print."""

    @cached_property
    def console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    def print(self, text: Any, *, style: str | None = None, markup: bool | None = None) -> None:
        """Print a line, or any rich renderable."""
        self.console.print(text, style=style, markup=markup)


err = _StandardError()

SHOWN_AFTER_S = 1.0
_NO_LIMIT = 100_000  # columns

TONES = {"serious": "red", "warning": "yellow", "note": "cyan", "good": "green"}
"""Colours of findings and verdicts, by severity."""

STATES = {"ok": TONES["good"], "watch": TONES["warning"], "alarm": TONES["serious"]}
"""Colours of the states of a monitoring check."""

ALARM = 4
"""The exit code of an alarm."""


def stdout_console() -> "Console":
    """Return a console on stdout for people to read: rich text, without wrapped lines."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())  # a file's name need not be UTF-8


def print_omitted(omitted: "Sequence[Omitted]", *, strict: bool) -> None:
    """Print on stderr what reading left out, a line for each reason.

    Raises
    ------
    DataError : ``strict``, and something was left out
    """
    for one in omitted:
        err.print(str(one), style=TONES["warning"], markup=False)
    if strict and omitted:
        n = sum(one.count for one in omitted)
        raise DataError(f"With `--strict`, nothing may be left out. {n} left out: {'; '.join(map(str, omitted))}")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings on stdout, cut to the width of a terminal; elsewhere at full width."""
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
    """Print an error, and exit with 2."""
    if as_json:
        print_json({"error": error.as_json()})
    err.print(f"auricle: {error}", style="red", markup=False)
    sys.exit(2)


class Bars:
    """Progress bars on a terminal's stderr, one per stage, for work of more than a second; a context manager.

    Entering it ends the start-up of the command. Call it with a stage, the number done and the total.

    Parameters
    ----------
    hidden : bool
        Draw no bars, because stdout is a terminal too.
    """

    def __init__(self, *, hidden: bool = False) -> None:
        self._hidden = hidden
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._stages: dict[str, tuple[int, int, str]] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Update the bar of a stage, with a note such as its rate."""
        self._stages[stage] = done, total, note
        if self._hidden or time.monotonic() - self._started < SHOWN_AFTER_S:
            return
        if self._progress is None:
            self._progress = _progress_bars()
            self._progress.start()
        for name, (completed, of, text) in self._stages.items():
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=of, note=text)
            self._progress.update(self._tasks[name], completed=completed, total=of, note=text)
        self._stages.clear()

    def __enter__(self) -> Self:
        end_startup()
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
    """End the command quietly when the reader of its stdout has left, as ``head`` does after its lines.

    Raises
    ------
    OutputError : stdout cannot be written for another reason
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        raise typer.Exit from None
    except OSError as error:
        _discard_stdout()
        raise OutputError(f"stdout: cannot be written: {error.strerror}.") from error


def _discard_stdout() -> None:
    # Python flushes stdout again at exit, and would fail again.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
