"""A file is written whole or not at all, and places that cannot be written are named."""

import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.errors import AudioError, OutputError
from auricle.runtime import files

Write = Callable[..., None]


@pytest.fixture(params=["write", "sync", "rename"])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one step of writing fail as on a full disk."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if request.param == "write":

        class Full(io.FileIO):
            def write(self, _: object, /) -> int:
                fail()
                return 0

        monkeypatch.setattr(files.os, "fdopen", lambda descriptor, _mode: Full(descriptor, "wb"))
    else:
        monkeypatch.setattr(files.os, {"sync": "fsync", "rename": "replace"}[request.param], fail)


def test_a_file_appears_whole_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    with files.atomic_file(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert not path.exists()
        stream.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_only_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"before")
    with files.atomic_file(path) as stream:
        stream.write(b"after")
        stream.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("error", [RuntimeError, AudioError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_the_block_fails(error: type[BaseException], tmp_path: Path) -> None:
    kept = tmp_path / "kept.bin"
    kept.write_bytes(b"before")

    def write_half(path: Path) -> None:
        with files.atomic_file(path) as stream:
            stream.write(b"half")
            raise error("stop")

    for path in (kept, tmp_path / "new.bin"):
        with pytest.raises(error, match="stop"):
            write_half(path)
    assert list(tmp_path.iterdir()) == [kept]
    assert kept.read_bytes() == b"before"


@pytest.mark.usefixtures("full_disk")
def test_nothing_is_left_when_the_disk_is_full(tmp_path: Path) -> None:
    kept = tmp_path / "kept.bin"
    kept.write_bytes(b"before")
    for path in (kept, tmp_path / "new.bin"):
        with pytest.raises(OutputError) as caught:
            files.write_bytes(path, b"content")
        assert str(caught.value) == f"{path}: cannot be written: No space left on device. Nothing was left behind."
    assert list(tmp_path.iterdir()) == [kept]
    assert kept.read_bytes() == b"before"


def test_an_error_without_an_errno_keeps_its_text(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: encoder error"), files.atomic_file(tmp_path / "x"):
        raise OSError("encoder error")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_of_the_umask(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        files.write_bytes(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_the_process_umask_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It belongs to all threads: another one's file, made in between, would be open to the world.
    monkeypatch.setattr(files.os, "umask", lambda _: pytest.fail("the umask was changed"))
    files.write_bytes(tmp_path / "x", b"")


@pytest.mark.parametrize("write", [files.check_writable, lambda path: files.write_bytes(path, b"")])
class TestUnwritablePaths:
    def test_a_folder(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=rf"^{tmp_path}: the output must be a file\. It is a folder"):
            write(tmp_path)

    def test_a_missing_folder(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=rf"folder must exist\. {tmp_path}/no does not; create it first"):
            write(tmp_path / "no" / "x.csv")
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=rf"folder must exist\. {tmp_path}/file does not"):
            write(tmp_path / "file" / "x.csv")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_without_the_right_to_write(self, write: Write, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(OutputError, match="folder must be writable"):
                write(tmp_path / "x.csv")
        finally:
            tmp_path.chmod(0o700)

    def test_a_folder_that_is_reported_as_not_writable(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(files.os, "access", lambda *_: False)
        with pytest.raises(OutputError, match=rf"folder must be writable\. {tmp_path} is not; choose another"):
            write(tmp_path / "x.csv")
        assert list(tmp_path.iterdir()) == []

    def test_a_pipe(self, write: Write, tmp_path: Path) -> None:
        # It stands for devices too: never try this on a real one, a wrong answer would replace it.
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        for name in ("pipe", "link"):
            with pytest.raises(OutputError, match=rf"^{tmp_path}/{name}: .* It is a device or a pipe; name a regular"):
                write(tmp_path / name)
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    def test_a_name_that_no_file_can_have(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="null byte"):
            write(f"{tmp_path}/a\0b")
        with pytest.raises(OutputError, match="File name too long"):
            write(tmp_path / ("x" * 256))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system without new files")
def test_a_file_system_without_new_files() -> None:
    with pytest.raises(OutputError, match=r"^/proc/x: (cannot be written|the output's folder must be writable)"):
        files.write_bytes("/proc/x", b"")


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    files.write_bytes(path, b"1")
    assert path.read_bytes() == b"1"


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "far" / "x.csv")
    files.write_bytes(link, b"1")
    assert link.is_symlink()
    assert (tmp_path / "far" / "x.csv").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.check_writable("x.csv") == Path("x.csv")
    files.write_bytes("x.csv", b"1")
    assert (tmp_path / "x.csv").read_bytes() == b"1"
