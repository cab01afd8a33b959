import json
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.prediction.predictor import Predictor


@pytest.fixture
def clip(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips" / "0001.wav"


def rows(text: str) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def test_a_file_is_a_line_a_window(auricle, states_file, states: Predictor, clip: Path) -> None:
    ran = auricle("stream", states_file, clip)
    assert (ran.code, ran.err) == (0, "")
    assert rows(ran.out) == [{"file": str(clip), **window.as_json()} for window in states.windows(clip)]


@pytest.mark.parametrize(
    ("sample_format", "dtype", "scale"), [("s16", "<i2", 2**15), ("s32", "<i4", 2**31), ("f32", "<f4", 1)]
)
def test_raw_samples_are_answered_as_their_file(
    sample_format: str, dtype: str, scale: float, auricle, states_file, clip: Path
) -> None:
    raw = (read(clip).samples.astype(np.float64) * scale).astype(dtype).tobytes()
    options = ["--rate-hz", "8000", "--sample-format", sample_format]
    ran = auricle("stream", states_file, "-", *options, stdin=raw)
    assert (ran.code, ran.err) == (0, "")
    expected = rows(auricle("stream", states_file, clip).out)
    assert rows(ran.out) == [row | {"file": "-"} for row in expected]
    assert len(rows(auricle("stream", states_file, "-", *options, "--hop-s", "0.1", stdin=raw).out)) == 5


def test_a_stream_cut_in_the_middle_of_a_sample(auricle, states_file) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 1600).astype("<i2").tobytes()
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000", stdin=noise + b"\0")
    assert ran.code == 2
    assert len(rows(ran.out)) == 1
    assert ran.sentence == "The stream must end with a whole sample of 2 bytes. 1 are left over; was it cut off?"


def test_silence_on_the_line_is_answered(auricle, states_file) -> None:
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000", stdin=bytes(8000))
    assert (ran.code, len(rows(ran.out))) == (0, 3)
    assert rows(ran.out)[0]["quality"]["silent"] == 1.0


def test_nothing_on_the_line_is_no_error(auricle, states_file) -> None:
    ran = auricle("stream", states_file, "-", "--rate-hz", "8000")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-"], "`--rate-hz` must be given with -: raw samples do not say their rate."),
        (["x.wav", "--rate-hz", "8000"], "`--rate-hz` must not be given with a file: its header says the rate."),
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
