"""The channel of a recording: its mean, one of them, the loudest; and channels that cancel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.channels import check_channel, pick
from auricle.audio.clip import Samples
from auricle.audio.decode import open_sound, read
from auricle.errors import AudioError, UsageError

Noise = Callable[..., Samples]


@pytest.fixture
def stereo(tmp_path: Path, noise: Noise) -> tuple[Path, Samples]:
    """A file whose second channel is the louder, and its frames."""
    frames = noise(5000, 2) * np.float32([0.1, 0.5])
    path = tmp_path / "stereo.wav"
    soundfile.write(path, frames, 8000, "FLOAT")
    return path, frames


@pytest.mark.parametrize("channels", [1, 2, 3, 32])
def test_the_mean_does_not_depend_on_the_blocks(channels: int, noise: Noise) -> None:
    frames = noise(300, channels)
    mixed = pick(frames, "mean", "x")
    assert np.allclose(mixed, frames.mean(axis=1), atol=1e-6)
    assert np.array_equal(np.concatenate([pick(frames[:7], "mean", "x"), pick(frames[7:], "mean", "x")]), mixed)


@pytest.mark.parametrize(("channel", "number"), [("0", 0), ("1", 1), ("max-energy", 1)])
def test_one_channel_is_heard(channel: str, number: int, stereo: tuple[Path, Samples]) -> None:
    path, frames = stereo
    np.testing.assert_array_equal(read(path, channel=channel).samples, frames[:, number])
    part = read(path, channel=channel, start_s=0.1, end_s=0.3)
    np.testing.assert_array_equal(part.samples, frames[800:2400, number])


def test_the_loudest_is_that_of_the_part(tmp_path: Path) -> None:
    frames = np.zeros((8000, 2), np.float32)
    frames[:1000, 0], frames[7000:, 1] = 0.9, 0.1
    soundfile.write(tmp_path / "x.flac", frames, 8000)
    assert read(tmp_path / "x.flac", channel="max-energy").samples.max() == pytest.approx(0.9, abs=1e-3)
    late = read((tmp_path / "x.flac").read_bytes(), channel="max-energy", start_s=0.5)
    assert late.samples.max() == pytest.approx(0.1, abs=1e-3)


def test_a_channel_that_is_missing_is_named(stereo: tuple[Path, Samples]) -> None:
    with pytest.raises(AudioError, match=r"stereo\.wav: channel 2 was asked for, and the sound has 2, counted from 0"):
        read(stereo[0], channel="2")


@pytest.mark.parametrize("channel", ["left", "", "-1", "1.0", "\u0661"])
def test_an_unknown_channel_is_refused(channel: str) -> None:
    with pytest.raises(UsageError, match="must be mean, each, max-energy or a number from 0"):
        check_channel(channel)


def test_an_open_sound_gives_one_channel(stereo: tuple[Path, Samples]) -> None:
    with open_sound(stereo[0]) as sound, pytest.raises(UsageError, match="read one at a time"):
        next(sound.blocks(channel="each"))


@pytest.mark.parametrize("left", [0.0, 1e-3])
def test_channels_that_cancel_are_named(left: float, tmp_path: Path, noise: Noise) -> None:
    sound = noise(4000, 1)[:, 0]
    soundfile.write(tmp_path / "x.wav", np.stack([sound, sound * (left - 1)], axis=1), 8000, "FLOAT")
    with pytest.raises(AudioError, match=r"x\.wav: the channels .* must not cancel .*Choose one \(`channel`\): 0"):
        read(tmp_path / "x.wav")
    np.testing.assert_array_equal(read(tmp_path / "x.wav", channel="0").samples, sound)


def test_silence_and_one_silent_channel_do_not_cancel(tmp_path: Path, noise: Noise) -> None:
    for name, sound in (("silent", np.zeros(4000)), ("half", noise(4000, 1)[:, 0])):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([sound, np.zeros(4000)], axis=1), 8000, "FLOAT")
        assert read(tmp_path / f"{name}.wav").samples.size == 4000
