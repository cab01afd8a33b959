"""Shards joined are the items in order, and a stopped run resumes where it ended."""

import json
from pathlib import Path

import pytest

from auricle.errors import ClusterError, OutputError, UsageError
from auricle.runtime import files, shards
from auricle.runtime.cluster import JoblibEngine
from auricle.runtime.shards import MANIFEST, write_shards

ENGINE = JoblibEngine("threading")
ITEMS = [f"{index}.wav" for index in range(100)]
SETTINGS = {"model": "a@1"}


def write(path, items):
    files.write_bytes(path, "\n".join(items).encode())
    return {"n_failed": 0}


def run(folder, items=ITEMS, function=write, **options):
    arguments = {"settings": SETTINGS, "suffix": ".txt", **options}
    return write_shards(folder, items, function, engine=ENGINE, **arguments).shards


def joined(folder: Path) -> list[str]:
    return [line for path in sorted(folder.glob("part-*")) for line in path.read_text().splitlines()]


def written_again(folder, **options):
    """Resume, and return the items of the shards that are written."""
    written = []

    def record(path, items):
        written.extend(items)
        return write(path, items)

    run(folder, function=record, resume=True, **options)
    return sorted(written)


def test_shards_joined_in_order_are_all_items(tmp_path):
    found = run(tmp_path / "out")
    assert joined(tmp_path / "out") == ITEMS
    assert list(found) == sorted(path.name for path in (tmp_path / "out").glob("part-*"))
    assert sum(shard["n_items"] for shard in found.values()) == 100
    assert len(found) >= 8


def test_the_manifest_holds_settings_and_shards(tmp_path):
    found = run(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["settings"] == SETTINGS
    assert manifest["shards"] == found


def test_progress_counts_items(tmp_path):
    done = []
    run(tmp_path, progress=done.append)
    assert done[-1] == 100
    assert done == sorted(done)


def test_a_stopped_run_resumes(tmp_path):
    def fails(path, items):
        if "70.wav" in items:
            raise OutputError("the disk is full")
        return write(path, items)

    with pytest.raises(OutputError, match="full"):
        run(tmp_path, function=fails)
    done = joined(tmp_path)
    assert 0 < len(done) < 100
    finished = json.loads((tmp_path / MANIFEST).read_text())["shards"]
    again = written_again(tmp_path)
    assert "70.wav" in again
    assert len(again) == 100 - sum(shard["n_items"] for shard in finished.values()) < 100
    assert joined(tmp_path) == ITEMS
    assert written_again(tmp_path) == []


def test_only_shards_whose_items_changed_are_written_again(tmp_path):
    size = next(iter(run(tmp_path).values()))["n_items"]
    changed = [*ITEMS[:-1], "new.wav"]
    assert written_again(tmp_path, items=changed) == sorted(changed[-(100 % size or size) :])
    assert joined(tmp_path) == changed


def test_shards_of_removed_items_are_removed(tmp_path):
    run(tmp_path)
    written_again(tmp_path, items=ITEMS[:31])
    assert joined(tmp_path) == ITEMS[:31]


def test_a_missing_shard_is_written_again(tmp_path):
    name, shard = next(iter(run(tmp_path).items()))
    (tmp_path / name).unlink()
    assert len(written_again(tmp_path)) == shard["n_items"]


def test_leftovers_of_killed_workers_are_removed(tmp_path):
    (tmp_path / ".0123.part").write_text("half")
    run(tmp_path)
    assert not list(tmp_path.glob(".*.part"))


def test_other_settings_are_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(UsageError, match=r"Its `model` was 'a@1', and now is 'b@1'"):
        run(tmp_path, settings={"model": "b@1"}, resume=True)


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(OutputError, match=r"must be empty\. It holds"):
        run(tmp_path)


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"format": 1, "settings": 3}'])
def test_a_folder_without_a_manifest_cannot_be_resumed(tmp_path, content):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(OutputError, match=r"must hold the manifest\.json of a run"):
        run(tmp_path, resume=True)


def test_a_manifest_of_another_format_is_refused(tmp_path):
    (tmp_path / MANIFEST).write_text('{"format": 9}')
    with pytest.raises(UsageError, match=r"the format must be 1\. Got 9"):
        run(tmp_path, resume=True)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="must be a folder that can be written"):
        run(tmp_path / "out")


def test_a_folder_that_workers_do_not_share_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_VISIBLE_WITHIN_S", 0.0)
    with pytest.raises(
        ClusterError, match=r"all workers must share the output's folder\. A worker wrote part-00000\.txt"
    ):
        run(tmp_path, function=lambda *_: {})
