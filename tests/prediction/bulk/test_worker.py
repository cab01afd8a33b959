import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from auricle.prediction.bulk.output import OutputChunk, render
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest

Worker = tuple["Connection[Any, Any]", "subprocess.Popen[bytes]"]


@pytest.fixture
def worker(states: Predictor) -> Iterator[Worker]:
    """A worker process that has loaded the model and renders JSON lines with windows."""
    ours, theirs = Pipe()
    with theirs:
        command = [sys.executable, "-P", "-m", "auricle.prediction.bulk.worker", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    with process, ours:
        ours.send((states.bundle, partial(render, request=PredictionRequest(windows=True), format_name="jsonl")))
        assert ours.recv() is None  # ready
        yield ours, process


def test_a_worker_sends_the_chunks_of_each_file_and_then_their_end(
    worker: Worker, states: Predictor, sound_files: dict[str, Path]
) -> None:
    link, process = worker
    files = list(sound_files.values())[:2]
    link.send([(7, str(files[0])), (9, str(files[1]))])
    chunks, seconds = link.recv()
    assert seconds > 0
    ends = [chunk is None for _, chunk in chunks]
    assert [index for index, _ in chunks] == [7, 7, 7, 9, 9, 9]
    assert ends == [False, False, True] * 2
    last: OutputChunk = chunks[1][1]
    assert last.sound_s == pytest.approx(states.predict(files[0]).end_s)
    link.close()
    assert process.wait(timeout=30) == 0  # it ends with its link
