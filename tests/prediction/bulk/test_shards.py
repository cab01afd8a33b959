"""Shards written by this process in place of a cluster's workers; tests/cluster/ has real ones.

Tests of one request stand together, because one process serves them.
"""

from pathlib import Path

import pytest

from auricle.errors import UsageError
from auricle.prediction.bulk import shards
from auricle.prediction.bulk.run import run_to_file
from auricle.prediction.bulk.shards import run_to_shards
from auricle.prediction.request import PredictionRequest


class LocalEngine:
    """Engine with one slot, in this process."""

    n_slots = 1

    def run(self, function, items, *, batch_size=1):  # noqa: ARG002
        for index, item in enumerate(items):
            yield index, function(item)


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_left():
    yield
    shards._LOCAL_POOL.close()


@pytest.fixture(scope="module")
def found(machine_sounds, tmp_path_factory) -> list[Path]:
    bad = tmp_path_factory.mktemp("bad") / "bad.wav"
    bad.write_text("no sound")
    return [*sorted(machine_sounds.parent.rglob("*.wav"))[:9], bad]


def test_a_resumed_run_reports_only_its_own_sound(states, found, tmp_path):
    for resume in (False, True):
        report = run_to_shards(
            states,
            found,
            tmp_path,
            request=PredictionRequest(),
            format_name="jsonl",
            engine=LocalEngine(),
            resume=resume,
        )
    assert (report.n_files, report.n_failed, report.n_resumed, report.sound_s) == (10, 1, 10, 0)


def test_a_resumed_run_must_have_the_same_request(states, found, tmp_path):
    run_to_shards(states, found, tmp_path, request=PredictionRequest(), format_name="jsonl", engine=LocalEngine())
    with pytest.raises(UsageError, match=r"Its `windows` was False, and now is True"):
        run_to_shards(
            states,
            found,
            tmp_path,
            request=PredictionRequest(windows=True),
            format_name="jsonl",
            engine=LocalEngine(),
            resume=True,
        )


def test_one_process_serves_many_shards(states, found, tmp_path):
    run_to_shards(states, found, tmp_path / "a", request=PredictionRequest(), format_name="jsonl", engine=LocalEngine())
    pool = shards._LOCAL_POOL.pool
    run_to_shards(states, found, tmp_path / "b", request=PredictionRequest(), format_name="jsonl", engine=LocalEngine())
    assert shards._LOCAL_POOL.pool is pool is not None
    run_to_shards(
        states,
        found,
        tmp_path / "c",
        request=PredictionRequest(windows=True),
        format_name="jsonl",
        engine=LocalEngine(),
    )
    assert shards._LOCAL_POOL.pool is not pool


@pytest.mark.parametrize("format_name", ["jsonl", "csv"])
def test_joined_shards_equal_one_file(states, found, tmp_path, format_name):
    request = PredictionRequest(windows=True)
    run_to_file(states, found, tmp_path / "here", request=request, format_name=format_name)
    done = []
    report = run_to_shards(
        states,
        found,
        tmp_path / "out",
        request=request,
        format_name=format_name,
        engine=LocalEngine(),
        progress=done.append,
    )
    parts = [path.read_bytes() for path in sorted((tmp_path / "out").glob("part-*"))]
    head = parts[0].splitlines(keepends=True)[0] if format_name == "csv" else b""
    assert all(part.startswith(head) for part in parts)
    assert head + b"".join(part.removeprefix(head) for part in parts) == (tmp_path / "here").read_bytes()
    assert (report.n_files, report.n_failed, report.n_resumed) == (10, 1, 0)
    assert report.sound_s > 0
    assert done[-1] == 10


def test_a_failed_shard_closes_its_worker_pool(states, found, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.FileLines, "text", full)
    with pytest.raises(Exception, match="No space left"):
        run_to_shards(
            states, found, tmp_path / "out", request=PredictionRequest(), format_name="jsonl", engine=LocalEngine()
        )
    assert shards._LOCAL_POOL.pool is None
    assert list((tmp_path / "out").glob("*part*")) == []


def test_formats_of_one_recording_are_refused(states, found, tmp_path):
    with pytest.raises(UsageError, match=r"must be jsonl or csv\. Got raven"):
        run_to_shards(states, found, tmp_path, request=PredictionRequest(), format_name="raven", engine=LocalEngine())
