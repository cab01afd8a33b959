"""Main program of a worker process: load a model, apply a function to the files sent, and return chunks.

It runs as ``python -m auricle.prediction.bulk.worker``, so that the caller's main module is not imported again. It ends
as soon as the other end of its link is closed, whether by choice or by a kill.
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
"""A picklable function from a model and a file to chunks of any type."""

_MESSAGE_CHUNKS = 64
"""Chunks per message: many short files share one, and a day of windows still fits into memory."""


def main() -> None:
    """Serve the files sent over a link, until it closes; the first argument is its file descriptor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C goes to all processes of a terminal; the caller ends this one
    try:
        with Connection(int(sys.argv[1])) as link:
            _serve(link)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the caller is gone


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
                if len(chunks) == _MESSAGE_CHUNKS:
                    link.send((chunks, None))
                    chunks = []
            chunks.append((index, None))  # end of this file
        link.send((chunks, time.perf_counter() - started))


if __name__ == "__main__":
    main()
