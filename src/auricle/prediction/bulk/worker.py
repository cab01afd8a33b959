"""A worker process: it holds a model and answers files; when it dies, a few files are asked about again.

It is a program of its own (``python -m auricle.prediction.bulk.worker``), so that the caller's main module is never
imported a second time, and it ends as soon as the other end of its link is closed, however that came about.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["FileFunction", "main"]

FileFunction: TypeAlias = "Callable[[Predictor, Path], Iterator[Any]]"
"""What is asked of each file: a function that a process can be sent, which gives pieces of any kind."""

_SENT_TOGETHER = 64
"""Pieces a message: enough that a short file costs no message of its own, few enough that a day of windows fits."""


def main() -> None:
    """Answer the files that come over the link whose descriptor is the first argument, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C goes to all processes of a terminal; the caller ends us
    try:
        with Connection(int(sys.argv[1])) as link:
            _serve(link)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # nobody is left to answer to


def _serve(link: "Connection[Any, Any]") -> None:
    bundle, function = link.recv()
    from auricle.prediction.predictor import Predictor

    model = Predictor(bundle)
    link.send(None)  # ready
    while True:
        task: list[tuple[int, str]] = link.recv()
        started = time.perf_counter()
        chunks: list[tuple[int, Any]] = []
        for index, file in task:
            for chunk in function(model, Path(file)):
                chunks.append((index, chunk))
                if len(chunks) == _SENT_TOGETHER:
                    link.send((chunks, None))
                    chunks = []
            chunks.append((index, None))  # that was all of this file
        link.send((chunks, time.perf_counter() - started))


if __name__ == "__main__":
    main()
