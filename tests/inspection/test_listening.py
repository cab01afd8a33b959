"""Listening in pieces finds what is found in the whole."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio import quality
from auricle.audio.clip import Clip
from auricle.audio.decode import read
from auricle.datasets.dataset import Example
from auricle.errors import AudioError
from auricle.inspection.fingerprints import fingerprint
from auricle.inspection.listening import listen


@pytest.fixture
def example(tmp_path: Path, chatter: Callable[..., Clip]) -> Example:
    clip = chatter(0, 25.0, rate_hz=8000)
    file = tmp_path / "a.wav"
    soundfile.write(file, np.stack([clip.samples, clip.samples / 2], axis=1), 8000, subtype="FLOAT")
    return Example(file, "a", None, "a")


def test_pieces_add_up_to_the_whole(example: Example) -> None:
    heard, clip = listen(example), read(example.file)
    whole = fingerprint(clip)
    assert heard.fingerprint.digest == whole.digest
    assert np.array_equal(heard.fingerprint.frames, whole.frames)
    assert (heard.duration_s, heard.rate_hz, heard.channels) == (25.0, 8000, 2)
    assert heard.quality.level_db == pytest.approx(quality.measure(clip.samples, 8000).level_db, abs=1e-3)
    assert np.isfinite(heard.row).all()


def test_a_part_is_heard_alone(example: Example) -> None:
    heard = listen(replace(example, start_s=3.0, end_s=5.0))
    assert heard.duration_s == 2.0
    assert heard.fingerprint.digest == fingerprint(read(example.file, start_s=3.0, end_s=5.0)).digest


@pytest.mark.parametrize("n", [1, 30, 400])
def test_very_short_sound_is_heard(tmp_path: Path, n: int, rng: np.random.Generator) -> None:
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(n), 8000)
    heard = listen(Example(tmp_path / "a.wav", "a", None, "a"))
    assert heard.duration_s == n / 8000
    assert np.isfinite(heard.row).all()


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not sound")
    with pytest.raises(AudioError, match=r"a\.wav"):
        listen(Example(tmp_path / "a.wav", "a", None, "a"))
