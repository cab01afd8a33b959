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


def test_every_source_opens_with_a_descriptor_at_its_first_byte(saved: Save) -> None:
    path = saved(b"0123456789" * 1000)
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), file):
            with open_source(source) as opened:
                assert os.lseek(opened.fileno(), 0, os.SEEK_CUR) == 0
                assert opened.read(3) == b"012"


def test_file_object_is_read_from_its_position(saved: Save) -> None:
    with saved(b"0123456789").open("rb") as file:
        file.seek(4)
        with open_source(file) as opened:
            assert opened.read(100) == b"456789"


def test_name_of_each_source(saved: Save) -> None:
    path = saved(b"x", "a.wav")
    with path.open("rb") as file:
        assert name_of(path) == name_of(str(path)) == name_of(file) == str(path)
    assert (name_of(b"x"), name_of(io.BytesIO(b"x"))) == ("bytes", "stream")


def test_missing_and_irregular_files_raise(tmp_path: Path) -> None:
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
def test_unreadable_file_raises(saved: Save) -> None:
    path = saved(b"RIFF")
    path.chmod(0)
    with pytest.raises(AudioError, match=r"permission denied"):
        open_source(path)


def test_arrays_and_text_streams_raise(noise: Noise) -> None:
    with pytest.raises(AudioError, match=r"Got ndarray.*use `Clip\(samples, rate_hz\)`"):
        open_source(noise(10))
    with pytest.raises(AudioError, match=r"must give bytes. It gives str"):
        open_source(io.StringIO("text"))
