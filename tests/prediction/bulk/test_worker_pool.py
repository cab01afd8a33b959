import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.errors import WorkerError
from auricle.prediction.bulk import worker_pool
from auricle.prediction.bulk.worker_pool import map_files_in_workers
from auricle.prediction.predictor import Predictor


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import `acts`, a function that misbehaves as the file's name says."""
    (tmp_path / "acts.py").write_text(
        """
import os, signal, time
from pathlib import Path

def act(model, file):
    yield ("begun", file.name)
    if "kill" in file.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "segv" in file.name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "exit" in file.name:
        os._exit(7)
    if "raise" in file.name:
        raise RuntimeError(file.name)
    if "once" in file.name and not Path(file.parent, "seen").exists():
        Path(file.parent, "seen").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in file.name:
        time.sleep(0.3)
    if "many" in file.name:
        yield from (("part", i) for i in range(1000))
    yield ("done", os.getpid())
"""
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(tmp_path)


def run(model: Predictor, names: list[str], folder: Path, workers: int = 2) -> list[tuple[str, list, str | None]]:
    import acts

    files = [folder / name for name in names]
    found = map_files_in_workers(model.bundle, files, acts.act, list, workers=workers)
    return [(file.name, chunks, None if error is None else str(error)) for file, chunks, error in found]


@pytest.mark.usefixtures("acting")
def test_files_keep_their_order_and_chunks_are_complete(states: Predictor, tmp_path: Path) -> None:
    names = ["slow", *(f"a{i:03}" for i in range(200)), "many", "slow2", "b"]
    found = run(states, names, tmp_path)
    assert [name for name, _, _ in found] == names
    for name, chunks, error in found:
        assert error is None
        assert chunks[0] == ("begun", name)
        assert chunks[1:-1] == ([("part", i) for i in range(1000)] if name == "many" else [])
        assert chunks[-1][0] == "done"
        assert chunks[-1][1] != os.getpid()
    assert len({chunks[-1][1] for _, chunks, _ in found}) == 2


@pytest.mark.usefixtures("acting")
def test_a_file_is_retried_after_a_crash_and_costs_no_other_file(states: Predictor, tmp_path: Path) -> None:
    reasons = {"segv": "by signal 11 (SIGSEGV)", "raise": "with exit code 1"}
    names = ["once", *(f"a{i:02}" for i in range(20)), *reasons, *(f"b{i:02}" for i in range(20))]
    found = run(states, names, tmp_path, workers=1)
    assert [name for name, _, _ in found] == names
    for name, chunks, error in found:
        if name in reasons:
            assert chunks == []
            assert error is not None
            assert error.startswith(f"{tmp_path / name}: its worker process died twice")
            assert reasons[name] in error
        else:
            assert error is None
            assert [chunk[0] for chunk in chunks] == ["begun", "done"]  # the chunks of a first try are dropped


@pytest.mark.usefixtures("acting")
def test_workers_that_cannot_start_end_the_run(
    states: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool.sys, "executable", "/bin/false")
    with pytest.raises(WorkerError, match=r"must start, load the model and wait for files\. It died before, with exit"):
        run(states, ["a"], tmp_path)
    monkeypatch.setattr(worker_pool.sys, "executable", str(tmp_path / "none"))
    with pytest.raises(WorkerError, match=r"must start\. It cannot: No such file"):
        run(states, ["a"], tmp_path)


@pytest.mark.usefixtures("acting")
def test_no_process_is_left(states: Predictor, tmp_path: Path) -> None:
    import acts

    found = map_files_in_workers(states.bundle, [tmp_path / f"a{i}" for i in range(500)], acts.act, list, workers=1)
    pid = next(found)[1][-1][1]
    os.kill(pid, 0)
    found.close()  # as a caller that stops early
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


CALLER = """
import sys, time
from pathlib import Path
import acts
from auricle.prediction.bulk.worker_pool import map_files_in_workers
from auricle.prediction.predictor import load

files = [Path(name) for name in ["a", "slow"] * 50]
found = map_files_in_workers(load(sys.argv[1]).bundle, files, acts.act, list, workers=1)
print(next(found)[1][-1][1], flush=True)
time.sleep(60)
"""


@pytest.mark.usefixtures("acting")
def test_workers_end_when_their_caller_is_killed(states_file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CALLER, str(states_file)], stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        worker = int(caller.stdout.readline())
        caller.kill()
    for _ in range(200):
        if not is_running(worker):
            return
        time.sleep(0.05)
    pytest.fail("the worker goes on without its caller")


def is_running(pid: int) -> bool:
    """Return whether a process runs; an ended orphan may still be listed until it is reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.usefixtures("acting")
def test_little_is_answered_ahead_of_a_slow_file(
    states: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import acts

    monkeypatch.setattr(worker_pool, "MAX_AHEAD", 8)
    taken = []

    def files() -> Iterator[Path]:
        for i in range(40):
            taken.append(i)
            yield tmp_path / f"a{i}"

    for given, _ in enumerate(map_files_in_workers(states.bundle, files(), acts.act, list, workers=1)):
        assert len(taken) <= given + 8 + 1
