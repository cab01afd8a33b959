import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.audio.clip import Samples
from auricle.audio.sources import name_of, open_source
from auricle.errors import AudioError

Encode = Callable[..., bytes]
Save = Callable[..., Path]
Noise = Callable[..., Samples]


def test_every_source_opens_at_its_first_byte_with_a_descriptor(saved: Save) -> None:
    path = saved(b"0123456789" * 1000)
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), file):
            with open_source(source) as opened:
                assert os.lseek(opened.fileno(), 0, os.SEEK_CUR) == 0
                assert opened.read(3) == b"012"


def test_a_file_object_is_read_from_where_it_stands(saved: Save) -> None:
    with saved(b"0123456789").open("rb") as file:
        file.seek(4)
        with open_source(file) as opened:
            assert opened.read(100) == b"456789"


def test_what_messages_call_a_source(saved: Save) -> None:
    path = saved(b"x", "a.wav")
    with path.open("rb") as file:
        assert name_of(path) == name_of(str(path)) == name_of(file) == str(path)
    assert (name_of(b"x"), name_of(io.BytesIO(b"x"))) == ("bytes", "stream")


def test_files_that_are_not_there_or_not_files(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none.wav: there is no such file"):
        open_source(tmp_path / "none.wav")
    with pytest.raises(AudioError, match=r"This is a folder"):
        open_source(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match=r"a device or a pipe"):
        open_source(tmp_path / "pipe")
    with pytest.raises(AudioError, match=r"cannot be opened"):
        open_source("a\0b.wav")
    with pytest.raises(AudioError, match=r"cannot be opened"):
        open_source("a" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(saved: Save) -> None:
    path = saved(b"RIFF")
    path.chmod(0)
    with pytest.raises(AudioError, match=r"permission denied"):
        open_source(path)


def test_samples_need_a_rate(noise: Noise) -> None:
    with pytest.raises(AudioError, match=r"Got ndarray.*use `Clip\(samples, rate_hz\)`"):
        open_source(noise(10))
    with pytest.raises(AudioError, match=r"must give bytes. It gives str"):
        open_source(io.StringIO("text"))
