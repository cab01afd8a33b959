import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import OutputError, UsageError
from auricle.prediction.bulk import resumable_file
from auricle.prediction.bulk.resumable_file import ResumableFile

SETTINGS = {"model": "m@1", "format": "jsonl", "windows": False}


def write(path: Path, names: list[str], *, resume: bool = False, stop_after: int | None = None) -> None:
    with ResumableFile(path, SETTINGS, head=b"head\n", resume=resume) as file:
        for count, name in enumerate(name for name in names if name not in file.done):
            if count == stop_after:
                return  # as if killed: nothing more is committed
            file.write(name, [f"{name}\n".encode(), b"more of it\n"], sound_s=1.0, is_failed=False)
        file.finish()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_file, "COMMIT_EVERY_S", 0.0)


NAMES = [f"{i}.wav" for i in range(10)]
WHOLE = "head\n" + "".join(f"{name}\nmore of it\n" for name in NAMES)


def test_a_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES)
    assert (tmp_path / "x").read_text() == WHOLE
    assert left(tmp_path) == ["x"]


@pytest.mark.usefixtures("at_once")
def test_a_stopped_run_can_be_resumed(tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES, stop_after=4)
    assert left(tmp_path) == ["x.journal", "x.part"]
    write(tmp_path / "x", NAMES, resume=True, stop_after=0)
    write(tmp_path / "x", NAMES, resume=True, stop_after=3)
    write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == WHOLE
    assert left(tmp_path) == ["x"]


@settings(max_examples=60, deadline=None)
@given(kept_of_part=st.floats(0, 1), kept_of_journal=st.floats(0, 1), commits=st.integers(0, 9))
def test_no_row_is_lost_or_repeated_at_whatever_moment_a_kill_comes(
    kept_of_part: float, kept_of_journal: float, commits: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The part file is synced first, so it is never shorter than the journal's last complete line says."""
    folder = tmp_path_factory.mktemp("kill")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resumable_file, "COMMIT_EVERY_S", 0.0)
        patch.setattr(os, "fsync", lambda _: None)  # hundreds of them take long
        write(folder / "x", NAMES, stop_after=commits)
    journal, part = (folder / "x.journal").read_bytes(), (folder / "x.part").read_bytes()
    journal = journal[: round(kept_of_journal * len(journal))]
    whole = [json.loads(line) for line in journal.splitlines(keepends=True) if line.endswith(b"\n")]
    least = whole[-1].get("bytes", 0) if whole else 0
    (folder / "x.journal").write_bytes(journal)
    (folder / "x.part").write_bytes(part[: least + round(kept_of_part * (len(part) - least))] + b"torn ro")
    write(folder / "x", NAMES, resume=True)
    assert (folder / "x").read_text() == WHOLE


@pytest.mark.usefixtures("at_once")
def test_a_kill_between_renaming_the_part_and_removing_the_journal(tmp_path: Path) -> None:
    with ResumableFile(tmp_path / "x", SETTINGS, head=b"head\n") as file:
        for name in NAMES:
            file.write(name, [f"{name}\n".encode(), b"more of it\n"], sound_s=1.0, is_failed=False)
    (tmp_path / "x.part").rename(tmp_path / "x")
    write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == WHOLE
    assert left(tmp_path) == ["x"]


@pytest.mark.usefixtures("at_once")
def test_a_finished_file_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES, stop_after=3)
    (tmp_path / "x.part").unlink()
    (tmp_path / "x").write_text("an older run's")
    with pytest.raises(OutputError, match=r"x\.part: the file must hold the \d+ bytes that .*x\.journal names\. Got 0"):
        write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == "an older run's"


@pytest.mark.usefixtures("at_once")
def test_a_stopped_run_is_not_overwritten_without_resume(tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES, stop_after=4)
    with pytest.raises(OutputError, match=r"x: a stopped run left its rows in .*x\.part\. Resume it with --resume"):
        write(tmp_path / "x", NAMES)
    assert left(tmp_path) == ["x.journal", "x.part"]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("name", SETTINGS)
def test_a_resumed_run_must_have_the_same_settings(name: str, tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES, stop_after=4)
    with pytest.raises(
        UsageError, match=rf"{name.capitalize()} was {SETTINGS[name]!r}, and is 'other'\. Give the same"
    ):
        ResumableFile(tmp_path / "x", {**SETTINGS, name: "other"}, resume=True)
    write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == WHOLE


def test_resume_without_a_stopped_run_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / "x", NAMES, resume=True)
    write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == WHOLE


def test_two_runs_cannot_write_one_file(tmp_path: Path) -> None:
    with ResumableFile(tmp_path / "x", SETTINGS), pytest.raises(OutputError, match="another run is writing it"):
        ResumableFile(tmp_path / "x", SETTINGS, resume=True)


def torn() -> Iterator[bytes]:
    yield b"half of "
    raise RuntimeError


def interrupted(path: Path, name: str = "a") -> None:
    """Write one file's rows, and fail in those of the next."""
    with ResumableFile(path, SETTINGS) as file:
        file.write(name, [b"a\n"], sound_s=1.0, is_failed=True)
        file.write("b", torn(), sound_s=1.0, is_failed=False)


def test_an_error_keeps_complete_rows(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        interrupted(tmp_path / "x")
    with ResumableFile(tmp_path / "x", SETTINGS, resume=True) as file:
        assert (file.done, file.n_failed, file.sound_s) == ({"a"}, 1, 1.0)
        file.finish()
    assert (tmp_path / "x").read_text() == "a\n"


def test_an_error_before_the_first_row_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), ResumableFile(tmp_path / "x", SETTINGS, head=b"head\n"):
        _ = 1 / 0
    assert left(tmp_path) == []


@pytest.mark.parametrize("after_syncs", [1, 2], ids=["of the part", "of the journal"])
def test_an_interrupt_keeps_the_files_in_the_journal(
    after_syncs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, fsync = [], os.fsync

    def interrupted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        counted.append(descriptor)
        if len(counted) == after_syncs:
            raise KeyboardInterrupt

    def run() -> None:
        with ResumableFile(tmp_path / "x", SETTINGS) as file:
            file.write("a", [b"a"], sound_s=1.0, is_failed=False)
            monkeypatch.setattr(resumable_file.os, "fsync", interrupted_fsync)
            file.commit()

    with pytest.raises(KeyboardInterrupt):
        run()
    assert left(tmp_path) == ([] if after_syncs == 1 else ["x.journal", "x.part"])
    monkeypatch.undo()
    with ResumableFile(tmp_path / "x", SETTINGS, resume=True) as file:
        assert file.done == (set() if after_syncs == 1 else {"a"})


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Limit files to some bytes, written seven at a time; the journal, recognised by its braces, has no limit."""
    real = os.pwrite

    def make(n_bytes: int) -> None:
        def write(descriptor: int, content: bytes, at: int) -> int:
            if bytes(content).startswith(b"{"):
                return real(descriptor, content, at)
            if at >= n_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, content[: min(7, n_bytes - at)], at)

        monkeypatch.setattr(os, "pwrite", write)

    return make


def write_all(file: ResumableFile) -> None:
    with file:
        for name in NAMES:
            file.write(name, [f"{name}\n".encode(), b"more of it\n"], sound_s=1.0, is_failed=False)
        file.finish()


@pytest.mark.parametrize("every_s", [0.0, 60.0])
@pytest.mark.parametrize(("n_bytes", "n_done"), [(0, 0), (3, 0), (21, 0), (22, 1), (50, 2), (39 + 16, 2), (39 + 17, 3)])
def test_a_full_disk_keeps_every_complete_row(
    every_s: float,
    n_bytes: int,
    n_done: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    disk: Callable[[int], None],
) -> None:
    monkeypatch.setattr(resumable_file, "COMMIT_EVERY_S", every_s)
    disk(n_bytes)
    file = ResumableFile(tmp_path / "x", SETTINGS, head=b"head\n")
    with pytest.raises(OSError, match="No space"):
        write_all(file)
    assert file.done == set(NAMES[:n_done])  # 5 bytes of head, 17 of each
    assert left(tmp_path) == (["x.journal", "x.part"] if n_done else [])
    message = str(file.write_error(OSError(errno.ENOSPC, "No space left on device")))
    assert message.startswith(f"{tmp_path}/x: cannot be written: No space left on device.")
    if n_done:
        assert f"The rows of {n_done} file{'s' * (n_done > 1)} are safe in {tmp_path}/x.part. Make room and" in message
    else:
        assert message.endswith("Nothing was left behind.")
    disk(10_000)
    write(tmp_path / "x", NAMES, resume=True)
    assert (tmp_path / "x").read_text() == WHOLE


def test_an_incomplete_journal_line_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    fails = iter([False, True])

    def write(descriptor: int, content: bytes, at: int) -> int:
        if bytes(content).startswith(b'{"files') and next(fails, False):
            real(descriptor, content[:9], at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content, at)

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(resumable_file, "COMMIT_EVERY_S", 0.0)
    file = ResumableFile(tmp_path / "x", SETTINGS)
    with pytest.raises(OSError, match="No space"):
        write_all(file)
    assert file.done == {"0.wav", "1.wav"}
    with ResumableFile(tmp_path / "x", SETTINGS, resume=True) as again:
        assert again.done == {"0.wav", "1.wav"}


def test_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n.wav")
    with pytest.raises(RuntimeError):
        interrupted(tmp_path / "x", name)
    with ResumableFile(tmp_path / "x", SETTINGS, resume=True) as file:
        assert file.done == {name}


@pytest.mark.parametrize("where", ["none/x", "folder"])
def test_an_unwritable_file_is_an_error_at_once(where: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="the output"):
        ResumableFile(tmp_path / where, SETTINGS)
    assert left(tmp_path) == ["folder"]


@pytest.mark.parametrize("letter", ["n", "ü"])
def test_a_name_as_long_as_a_file_system_takes_is_written_and_resumed(letter: str, tmp_path: Path) -> None:
    path = tmp_path / (letter * (255 // len(letter.encode())))
    with pytest.raises(RuntimeError):
        interrupted(path, "0.wav")
    assert path.name not in left(tmp_path)
    with ResumableFile(path, SETTINGS, resume=True) as file:
        assert file.done == {"0.wav"}
        file.finish()
    assert left(tmp_path) == [path.name]
