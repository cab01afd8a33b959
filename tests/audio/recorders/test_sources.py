"""What a recorder wrote: chunks that the tests write themselves, file names, contradictions, and any bytes."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.recorders.audiomoth import read_comment
from auricle.audio.recorders.bext import read_bext
from auricle.audio.recorders.facts import Facts, parse_time, same_time
from auricle.audio.recorders.guano import read_guano
from auricle.audio.recorders.names import read_name
from auricle.audio.recorders.sources import read_facts
from auricle.audio.recorders.wamd import read_wamd


def local(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001  (no zone is stated)


MOTH = "Recorded at 19:17:30 23/02/2023 (UTC{}) by AudioMoth 24F319055FDF2205 at {} gain while battery was 4.2V"
COMMENT = MOTH.format("+1", "medium") + " and temperature was 13.2C."


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def wav(path: Path, before: bytes = b"", after: bytes = b"") -> Path:
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
    body = b"WAVE" + fmt + before + chunk(b"data", bytes(400)) + after
    path.write_bytes(chunk(b"RIFF", body))
    return path


def info(comment: str) -> bytes:
    return chunk(b"LIST", b"INFO" + chunk(b"ICMT", comment.encode() + b"\0"))


def bext(date: bytes = b"2023-02-23", time: bytes = b"19:17:30", samples: int = 0) -> bytes:
    return (
        bytes(256)
        + b"H4n".ljust(32, b"\0")
        + bytes(32)
        + date.ljust(10, b"\0")
        + time.ljust(8, b"\0")
        + (struct.pack("<Q", samples) + bytes(256))
    )


def wamd_field(key: int, text: str) -> bytes:
    return struct.pack("<HI", key, len(text)) + text.encode()


def test_a_comment_of_an_audiomoth_names_time_device_and_state(tmp_path: Path) -> None:
    found = read_facts(wav(tmp_path / "20230223_181730.WAV", before=info(COMMENT)))
    assert found.facts.made_at == datetime(2023, 2, 23, 18, 17, 30, tzinfo=UTC)
    assert (found.facts.device, found.facts.gain) == ("24F319055FDF2205", "medium")
    assert (found.facts.battery_v, found.facts.temperature_c) == (4.2, 13.2)
    assert found.sources["made_at"] == "AudioMoth's comment"
    assert found.contradicted_by == ()  # the name is in UTC


@pytest.mark.parametrize(
    ("text", "gain", "battery_v"),
    [
        (("Recorded at 10:00:00 11/05/2018 (UTC) by AudioMoth 24F319055FDF2205 at gain setting 2 while "
         "battery state was > 4.9V"), "2", 4.9),
        (("Recorded at 10:00:00 11/05/2018 (UTC) during deployment 24F319055FDF2205 using external microphone at "
         "medium-high gain while battery was less than 2.5V and temperature was -3.2C. Amplitude threshold was 100."),
         "medium-high", 2.5),
    ],
)  # fmt: skip
def test_comments_of_other_firmware(text: str, gain: str, battery_v: float) -> None:
    facts = read_comment(text)
    assert facts.made_at == datetime(2018, 5, 11, 10, tzinfo=UTC)
    assert (facts.gain, facts.battery_v) == (gain, battery_v)


def test_guano_after_the_sound_is_read_and_believed_first(tmp_path: Path) -> None:
    text = "GUANO|Version: 1.0\nTimestamp: 2023-02-23T19:17:30+01:00\nSerial: S1\nLoc Position: 42.5 -71.3\n"
    path = wav(tmp_path / "X_20200101_000000.wav", after=chunk(b"guan", text.encode()))
    found = read_facts(path)
    assert found.facts.made_at == datetime(2023, 2, 23, 18, 17, 30, tzinfo=UTC)
    assert (found.facts.latitude, found.facts.longitude, found.facts.device) == (42.5, -71.3, "S1")
    assert found.contradicted_by == ("the file name",)
    assert (found.facts.site, found.sources["site"]) == ("X", "the file name")


def test_wamd_and_bext(tmp_path: Path) -> None:
    content = wamd_field(2, "SN7") + wamd_field(4, "NORTH") + wamd_field(5, "2014-04-02 22:59:14-05:00")
    content += wamd_field(6, "WGS84, 42.5, N, 71.3, W, 201") + wamd_field(0x15, "12.50C")
    facts = read_facts(wav(tmp_path / "a.wav", after=chunk(b"wamd", content))).facts
    assert facts.made_at == datetime(2014, 4, 3, 3, 59, 14, tzinfo=UTC)
    assert (facts.site, facts.device, facts.temperature_c, facts.longitude) == ("NORTH", "SN7", 12.5, -71.3)
    facts = read_facts(wav(tmp_path / "b.wav", before=chunk(b"bext", bext()))).facts
    assert (facts.made_at, facts.device) == (local(2023, 2, 23, 19, 17, 30), "H4n")
    assert read_bext(bext(time=b"", samples=8000 * 3600), 8000).made_at == local(2023, 2, 23, 1)
    assert read_bext(bext(time=b""), 8000).made_at is None


@pytest.mark.parametrize(
    ("name", "made_at", "site"),
    [
        ("20230223_191730.WAV", "2023-02-23T19:17:30", None),
        ("SM4-A_0+1_20230223_191730_000.wav", "2023-02-23T19:17:30", "SM4-A"),
        ("2023-02-23T19-17-30Z.flac", "2023-02-23T19:17:30+00:00", None),
        ("pond 2023-02-23 19.17.30.mp3", "2023-02-23T19:17:30", "pond"),
        ("pond_20230223T191730+0530.ogg", "2023-02-23T19:17:30+05:30", "pond"),
        ("2023-02-23_19-17-30-0002.wav", "2023-02-23T19:17:30", None),  # a counter, not a zone
        ("5A1B2C3D.WAV", "2017-11-26T21:03:57+00:00", None),
    ],
)
def test_names_that_state_a_time(name: str, made_at: str, site: str | None) -> None:
    facts = read_name(name)
    assert facts.made_at is not None
    assert (facts.made_at.isoformat(), facts.site) == (made_at, site)


@pytest.mark.parametrize(
    "name",
    ["20230223_1.wav", "20230223.wav", "19700101_000000.WAV", "22230101_000000.wav", "20231345_000000.wav",
     "5a1b2c3d.wav", "60000001.WAV", "DEADBEEF.WAV", "1-100032-A-0.wav", "120230223_191730.wav", "dog.wav", ".wav"],
)  # fmt: skip
def test_names_that_state_none(name: str) -> None:
    assert read_name(name) == Facts()


def test_times_without_a_zone_agree_by_local_time_or_utc() -> None:
    one = datetime.fromisoformat("2023-02-23T19:17:30+01:00")
    assert all(same_time(one, local(2023, 2, 23, hour, 17, 30)) for hour in (18, 19))
    assert not same_time(one, local(2023, 2, 23, 20, 17, 30))
    assert parse_time("2023-02-23") is None
    assert parse_time("2023-02-23 19:17:30") == local(2023, 2, 23, 19, 17, 30)


@given(st.text(max_size=40) | st.from_regex(r"[\w+-]{0,6}\d{4}-?\d\d-?\d\d[T_ ]\d\d-?\d\d-?\d\d[Z+-]?\d{0,4}\.WAV"))
def test_any_name_is_read(name: str) -> None:
    read_name(name)


@given(st.binary(max_size=600), st.integers(0, 1 << 32))
def test_any_content_of_a_chunk_is_read(content: bytes, rate_hz: int) -> None:
    read_guano(content)
    read_wamd(content)
    read_bext(content, rate_hz)
    read_bext(bytes(320) + content, rate_hz)
    read_comment("Recorded at " + content.decode("latin-1"))


@given(head=st.sampled_from([b"RIFF", b"RF64", b"RIFX", b""]), rest=st.binary(max_size=300))
def test_any_file_is_read(tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(head + bytes(4) + b"WAVE" + rest)
    read_facts(path)


@given(st.integers(0, 600))
def test_a_truncated_header_is_read(tmp_path_factory: pytest.TempPathFactory, n: int) -> None:
    path = wav(tmp_path_factory.getbasetemp() / "cut.wav", before=info(COMMENT) + chunk(b"ds64", b"12"))
    path.write_bytes(path.read_bytes()[:n])
    read_facts(path)
