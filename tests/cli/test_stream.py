"""``auricle stream``: windows and events of files, pipes and microphones."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.prediction.events import EventRules
from auricle.prediction.predictor import Predictor


@pytest.fixture
def clip(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips" / "0001.wav"


def rows(text: str) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def test_a_file_is_one_line_per_window(auricle, states_file, states: Predictor, clip: Path) -> None:
    ran = auricle("stream", states_file, clip)
    assert (ran.code, ran.err) == (0, "")
    assert rows(ran.out) == [{"file": str(clip), **window.as_json()} for window in states.windows(clip)]


@pytest.mark.parametrize(
    ("sample_format", "dtype", "scale"), [("s16", "<i2", 2**15), ("s32", "<i4", 2**31), ("f32", "<f4", 1)]
)
def test_raw_samples_are_predicted_as_their_file(
    sample_format: str, dtype: str, scale: float, auricle, states_file, clip: Path
) -> None:
    raw = (read(clip).samples.astype(np.float64) * scale).astype(dtype).tobytes()
    options = ["--rate-hz", "8000", "--sample-format", sample_format]
    ran = auricle("stream", states_file, "-", *options, stdin=raw)
    assert (ran.code, ran.err) == (0, "")
    expected = rows(auricle("stream", states_file, clip).out)
    assert rows(ran.out) == [row | {"file": "-"} for row in expected]
    assert len(rows(auricle("stream", states_file, "-", *options, "--hop-s", "0.1", stdin=raw).out)) == 5


def test_a_stream_that_ends_within_a_sample(auricle, states_file) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 1600).astype("<i2").tobytes()
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000", stdin=noise + b"\0")
    assert ran.code == 2
    assert len(rows(ran.out)) == 1
    assert ran.sentence == "The stream must end with a whole sample of 2 bytes. 1 are left over; was it cut off?"


def test_a_rate_that_contradicts_the_header(auricle, states_file, clip: Path) -> None:
    assert auricle("stream", states_file, clip, "--rate-hz", "8000").code == 0
    ran = auricle("stream", states_file, clip, "--rate-hz", "16000")
    assert (ran.code, ran.out) == (2, "")
    assert ran.sentence == f"{clip}: `--rate-hz` must be the rate of the file's header, 8000. Got 16000; leave it out."


def test_a_wav_on_stdin_is_predicted_as_its_file(auricle, states_file, clip: Path) -> None:
    ran = auricle("stream", states_file, "-", stdin=clip.read_bytes())
    assert (ran.code, ran.err) == (0, "")
    assert rows(ran.out) == [row | {"file": "-"} for row in rows(auricle("stream", states_file, clip).out)]


def test_events_are_printed_at_start_and_end(auricle, states_file, states: Predictor, clip: Path) -> None:
    options = ["--events", "--hop-s", "0.1", "--smooth", "3", "--confirm", "2", "--on", "0.4"]
    ran = auricle("stream", states_file, clip, *options)
    assert ran.code == 0
    printed = rows(ran.out)
    rules = EventRules(on=0.4, smooth=3, confirm=2)
    ended = [event.as_json() for event in states.events(clip, rules=rules, hop_s=0.1)]
    assert [row for row in printed if not row.get("ongoing")] == [{"file": str(clip), **event} for event in ended]
    started = [(row["label"], row["start_s"]) for row in printed if row.get("ongoing")]
    assert started
    assert sorted(started) == sorted((event["label"], event["start_s"]) for event in ended)


def test_without_sounddevice_a_microphone_is_an_extra(auricle, states_file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    ran = auricle("stream", states_file, "mic")
    assert (ran.code, ran.sentence) == (2, "A microphone needs sounddevice: pip install 'auricle[mic]'.")


def test_silence_on_stdin_is_predicted(auricle, states_file) -> None:
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000", stdin=bytes(8000))
    assert (ran.code, len(rows(ran.out))) == (0, 3)
    assert rows(ran.out)[0]["quality"]["silent"] == 1.0


def test_empty_stdin_is_no_error(auricle, states_file) -> None:
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-"], "`rate_hz` must be given for raw samples: only a WAV says its rate itself."),
        (["-", "--device", "1"], "`--device` must be given with mic only."),
        (["-", "--smooth", "3"], "Event options must be given with `--events`"),
        (["-", "--events", "--on", "2"], "`on` must be a probability above 0 and at most 1. Got 2."),
        (["-", "--rate-hz", "0"], "`rate_hz` must be at least 1 Hz. Got 0."),
        (["-", "--rate-hz", "8000", "--hop-s", "9"], "`hop_s` must be above 0 and at most the window's 0.2 s. Got 9."),
        (
            ["-", "--rate-hz", "8000", "--sample-format", "u8"],
            "`sample_format` must be among s16, s32, f32. Got 'u8'.",
        ),
        (["-", "--rate-hz", "8000", "--sample-format", "f32"], "stream: every sample must be finite. A block holds"),
    ],
)
def test_bad_options(arguments: list[str], says: str, auricle, states_file) -> None:
    ran = auricle("stream", states_file, *arguments, stdin=b"\xff" * 16_000)
    assert (ran.code, ran.out) == (2, "")
    assert ran.sentence.startswith(says)


def test_a_store_keeps_every_stretch_with_sound(auricle, states_file, clip: Path, tmp_path: Path) -> None:
    from auricle.store.store import Store

    sound = read(clip).samples
    minute = np.tile(sound, 120)
    raw = (np.concatenate([minute, np.tile(0 * minute, 3), minute[:16_000]]) * 2**15).astype("<i2").tobytes()
    database = str(tmp_path / "kept.db")
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000", "--store", database, stdin=raw)
    assert (ran.code, ran.err) == (0, "")
    with Store.open(database) as store:
        kept = store.entries().entries
    assert [(entry.source, entry.group, entry.rate_hz, entry.channels) for entry in kept] == [("-", "-", 8000, 1)] * 2
    last, first = (entry.recording for entry in kept)
    assert (first.start_s, last.end_s) == (0.0, 242.0)
    assert first.end_s < 64.0
    assert last.start_s > 180.0
