"""The sample rate of a model follows the content of the recordings, and odd recordings do not set it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset
from auricle.datasets.headers import read_headers
from auricle.errors import DataError
from auricle.inspection.sample_rate import MAX_RATE_HZ, SampleRate, choose_rate, leave_out_odd

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, rng: np.random.Generator) -> Write:
    """Write recordings of a class: one tone of a frequency, in faint noise."""

    def write(label: str, n: int, rate_hz: int, *, hz: float = 500.0, only: float = 1.0, rumble: float = 0.0) -> None:
        (tmp_path / label).mkdir(exist_ok=True)
        times_s = np.arange(round(0.3 * rate_hz)) / rate_hz
        sounding = times_s % 0.1 < only * 0.1
        sound = 0.3 * np.sin(2 * np.pi * hz * times_s) * sounding + rumble * np.sin(2 * np.pi * 200 * times_s)
        for index in range(n):
            noisy = sound + 1e-4 * rng.standard_normal(sound.size)
            soundfile.write(tmp_path / label / f"{rate_hz}-{index}.wav", noisy, rate_hz)

    return write


def chosen(folder: Path, rate_hz: int | None = None) -> SampleRate:
    dataset = Dataset.load(folder)
    return choose_rate(dataset, read_headers(dataset), rate_hz=rate_hz)


def test_the_usual_rate_is_enough_for_usual_sound(write: Write, tmp_path: Path) -> None:
    write("a", 3, 44_100)
    write("b", 3, 48_000, hz=3000)
    rate = chosen(tmp_path)
    assert (rate.rate_hz, rate.odd) == (MAX_RATE_HZ, ())
    assert rate.discarded_db is not None
    assert rate.discarded_db < -30
    assert rate.reason.startswith(
        "enough for what lies below 11025 Hz; the recordings have 44100 to 48000 Hz. The energy above 11025 Hz, "
    )


def test_the_lowest_of_many_rates_is_taken(write: Write, tmp_path: Path) -> None:
    write("a", 3, 16_000)
    write("b", 3, 44_100)
    rate = chosen(tmp_path)
    assert (rate.rate_hz, rate.odd) == (16_000, ())
    assert "a band that some lack would give their recorder away" in rate.reason


@pytest.mark.parametrize(("hz", "rate_hz", "holds_hz"), [(15_000, 48_000, 32_000), (60_000, 250_000, 128_000)])
def test_content_above_the_usual_band_is_held(
    hz: int, rate_hz: int, holds_hz: int, write: Write, tmp_path: Path
) -> None:
    write("low", 3, rate_hz)
    write("high", 3, rate_hz, hz=hz)
    rate = chosen(tmp_path)
    assert rate.rate_hz == holds_hz
    assert rate.reason.startswith("most of the content of a class lies above 11025 Hz, and the recordings have")


def test_brief_ultrasonic_calls_count_beside_loud_rumble(write: Write, tmp_path: Path) -> None:
    write("bat", 4, 250_000, hz=45_000, only=0.05, rumble=0.5)
    write("none", 4, 250_000, hz=45_000, only=0.05, rumble=0.5)
    assert chosen(tmp_path).rate_hz >= 96_000


def test_a_few_recordings_of_a_far_lower_rate_are_left_to_the_user(write: Write, tmp_path: Path) -> None:
    write("a", 14, 44_100)
    write("b", 15, 44_100)
    write("a", 1, 1000, hz=100)
    dataset = Dataset.load(tmp_path)
    headers = read_headers(dataset)
    rate = choose_rate(dataset, headers)
    assert rate.rate_hz == MAX_RATE_HZ
    assert [dataset.examples[index].file.name for index in rate.odd] == ["1000-0.wav"]
    with pytest.raises(DataError, match=r"1 of 30 have less than half .*: a/1000-0\.wav \(1000 Hz\).*`--rate-hz`"):
        leave_out_odd(dataset, headers, rate, skip_bad=False)
    kept, failures = leave_out_odd(dataset, headers, rate, skip_bad=True)
    assert len(kept) == 29
    assert "1000-0.wav: its sample rate, 1000 Hz, is less than half" in str(failures[0].error)


def test_a_class_that_has_only_the_lower_rate_is_not_odd(write: Write, tmp_path: Path) -> None:
    write("a", 15, 44_100)
    write("b", 1, 8000)
    assert chosen(tmp_path).odd == ()


def test_the_users_rate_stands_and_what_it_discards_is_said(write: Write, tmp_path: Path) -> None:
    write("a", 2, 44_100, hz=6000)
    write("b", 2, 4000)
    rate = chosen(tmp_path, rate_hz=8000)
    assert (rate.rate_hz, rate.odd) == (8000, ())
    assert rate.discarded_db == pytest.approx(0, abs=0.1)
    assert "as was asked for; the recordings have 4000 to 44100 Hz, and 2 of 4 with less hold nothing" in rate.reason


def test_silence_and_unreadable_files_decide_nothing(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        soundfile.write(tmp_path / label / "x.wav", np.zeros(4800), 48_000)
    assert chosen(tmp_path) == SampleRate(
        MAX_RATE_HZ, "enough for what lies below 11025 Hz; the recordings have 48000 Hz."
    )
    for file in tmp_path.rglob("*.wav"):
        file.write_bytes(b"")
    assert chosen(tmp_path).rate_hz == MAX_RATE_HZ


@pytest.mark.recordings
@pytest.mark.parametrize(("name", "rate_hz"), [("esc10", 22_050), ("commands", 16_000)])
def test_real_recordings_have_the_usual_rate(name: str, rate_hz: int, recordings_dir: Path) -> None:
    rate = chosen(recordings_dir / name)
    assert (rate.rate_hz, rate.odd) == (rate_hz, ())
