"""Fingerprints depend on changing sound, not on gain, silence or steady tones."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clip import Clip
from auricle.inspection.fingerprints import BITS, FRAME, FRAMES_PER_SECOND, Digest, fingerprint, frames_of

RATE_HZ = 8000


def test_there_is_a_frame_each_8_ms(chatter: Callable[..., Clip]) -> None:
    frames = fingerprint(chatter(0, 2.0)).frames
    assert frames.dtype == FRAME
    assert len(frames) == 2 * FRAMES_PER_SECOND - (512 - 64) // 64 - 4
    assert frames["known"].max() < 1 << BITS
    assert not np.any(frames["word"] & ~frames["known"])
    assert not np.any(frames["weak"] & ~frames["known"])
    assert np.bitwise_count(frames["weak"]).max() == 4


def test_gain_changes_the_level_and_hardly_anything_else(chatter: Callable[..., Clip]) -> None:
    clip = chatter(0, 2.0)
    loud, quiet = fingerprint(clip).frames, fingerprint(Clip(clip.samples / 4, clip.rate_hz)).frames
    both = loud["known"] & quiet["known"]
    assert np.bitwise_count((loud["word"] ^ quiet["word"]) & both).sum() < 0.001 * np.bitwise_count(both).sum()
    assert np.array_equal(loud["wave"], quiet["wave"])
    assert np.median(loud["level_db"].astype(int) - quiet["level_db"]) == pytest.approx(12, abs=1)


def test_silence_and_a_steady_tone_have_no_known_signs() -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time_s)
    for samples in (np.zeros(RATE_HZ), np.full(RATE_HZ, 0.5), 1e-6 * tone, tone):
        assert not frames_of(samples.astype(np.float32))["known"][20:-20].any()


@pytest.mark.parametrize("n", [1, 511, 512, 767])
def test_sound_too_short_for_two_spectra_has_a_digest_only(n: int, rng: np.random.Generator) -> None:
    short = fingerprint(Clip(rng.standard_normal(n + 1), RATE_HZ))
    assert len(short.digest) == 32
    assert len(short.frames) <= 1


def test_only_the_first_ten_minutes_have_frames(rng: np.random.Generator) -> None:
    long = Clip(rng.standard_normal(610 * 200), 200)
    assert len(fingerprint(long).frames) == pytest.approx(600 * FRAMES_PER_SECOND, abs=16)


def test_a_digest_is_of_the_samples_and_the_rate() -> None:
    samples = np.linspace(-0.5, 0.5, 1000)
    base = fingerprint(Clip(samples, RATE_HZ)).digest
    assert base == fingerprint(Clip(samples.copy(), RATE_HZ)).digest
    assert base != fingerprint(Clip(samples, 16_000)).digest
    assert base != fingerprint(Clip(samples[1:], RATE_HZ)).digest
    assert fingerprint(Clip(np.full(1000, 0.1), RATE_HZ)).digest == b""


@given(cuts=st.lists(st.integers(1, 999), unique=True, max_size=10))
def test_the_digest_does_not_depend_on_the_blocks(cuts: list[int]) -> None:
    samples = np.linspace(-0.5, 0.5, 1000, dtype=np.float32)
    whole, parts = Digest(RATE_HZ), Digest(RATE_HZ)
    whole.push(samples)
    for block in np.split(samples, sorted(cuts)):
        parts.push(block)
    assert parts.value == whole.value
