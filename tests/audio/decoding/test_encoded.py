"""Every file is opened by the decoder that reads it whole, or refused by what it is."""

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.audio.decode import open_sound, read
from auricle.audio.decoding import ffmpeg
from auricle.audio.decoding.encoded import examine
from auricle.audio.sound_files import FFMPEG_SUFFIXES
from auricle.audio.sources import open_source
from auricle.errors import AudioError

Encode = Callable[..., bytes]
Noise = Callable[..., Samples]


def in_wav(mp3: bytes, rate_hz: int, claim: int | None = None) -> bytes:
    """Return an MP3 in a WAV, as old recorders and Audition write it."""
    fmt = struct.pack("<HHIIHHHHIHHH", 0x55, 1, rate_hz, 4000, 1, 0, 12, 1, 2, 144, 1, 1393)
    body = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", claim or len(mp3)) + mp3
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_mp3_in_wav_is_read_as_mp3(rate_hz: int, encoded: Encode, noise: Noise) -> None:
    mp3 = encoded(noise(rate_hz), rate_hz, "mp3")
    with open_sound(in_wav(mp3, rate_hz)) as sound:
        assert (sound.format, sound.rate_hz) == ("MP3", rate_hz)
    np.testing.assert_array_equal(read(in_wav(mp3, rate_hz)).samples, read(mp3).samples)
    with pytest.raises(AudioError, match="the file is truncated: its header promises 999999 bytes of sound"):
        read(in_wav(mp3, rate_hz, claim=999_999))
    with pytest.raises(AudioError, match=r"must hold frames of MP3\. It holds none"):
        read(in_wav(bytes(5000), rate_hz))


HEADS = {
    "MP4": b"\0\0\0\x1cftypM4A ",
    "WebM": b"\x1aE\xdf\xa3\x9fB\x86\x81",
    "CAF": b"caff\0\1\0\0",
    "WMA": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "AAC": b"\xff\xf1\x50\x80",
}


@pytest.mark.parametrize("form", HEADS)
def test_a_format_of_the_extra_is_named_with_the_remedy(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    with pytest.raises(AudioError, match=rf"bytes: {form} needs the extra `formats`: pip install 'auricle\[formats\]'"):
        read(HEADS[form] + bytes(100))


@pytest.mark.parametrize("form", HEADS)
def test_a_broken_file_of_the_extra_is_an_error(form: str) -> None:
    pytest.importorskip("av")
    with pytest.raises(AudioError, match=r"bytes: (the sound cannot be decoded|the file must hold)"):
        read(HEADS[form] + bytes(100))


RIGHT = {
    "vbr_noxing.mp3": 4.05,
    "xing0.mp3": 4.02,
    "chained.ogg": 8.00,
    "leading_zeros.mp3": 4.05,
    "f_mp3.wav": 1.08,
    "f_flac.ogg": 1.00,
    "f.m4a": 1.00,
    "f_alac.m4a": 1.00,
    "f.webm": 1.00,
    "trunc.mp3": r"promises 155 frames \(4\.05 s\), and 75 \(1\.96 s\) are there",
    "trunc.ogg": r"truncated: .* after 2\.02 s",
}


@pytest.mark.recordings
@pytest.mark.parametrize("name", RIGHT)
def test_files_that_people_brought(name: str, cases_dir: Path) -> None:
    right, file = RIGHT[name], cases_dir / "sound" / name
    if file.suffix in FFMPEG_SUFFIXES:
        pytest.importorskip("av")
    if isinstance(right, str):
        with pytest.raises(AudioError, match=right):
            read(file)
        return
    clip = read(file)
    assert clip.samples.size / clip.rate_hz == pytest.approx(right, abs=1152 / 44_100 + 0.005)


@pytest.mark.recordings
def test_every_case_of_sound_is_tried(cases_dir: Path) -> None:
    assert {file.name for file in (cases_dir / "sound").iterdir()} == set(RIGHT)


@pytest.mark.parametrize("kind", ["wav16", "flac16", "vorbis", "opus", "mp3", "aiff"])
def test_a_damaged_header_is_examined_or_refused_by_name(
    kind: str, encoded: Encode, noise: Noise, rng: np.random.Generator
) -> None:
    whole = encoded(noise(9000), 16_000, kind)
    for _ in range(int(os.environ.get("AURICLE_FUZZ", "600")) // 6):
        content = bytearray(whole[: rng.integers(1, len(whole))])
        for position in rng.integers(0, min(len(content), 400), rng.integers(0, 8)):
            content[position] = rng.integers(256)
        with open_source(bytes(content)) as file, suppress(AudioError):
            found = examine(file, "x")
            assert all(part.readable() for part in found.files)
            for part in found.files:
                if part is not file:
                    part.close()
