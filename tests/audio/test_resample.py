import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clip import Clip
from auricle.audio.resample import Resampler, resample
from auricle.errors import AudioError, UsageError

RATES = [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 22_050), (11_025, 44_100), (44_100, 44_099)]


@given(rates=st.sampled_from(RATES), n=st.integers(1, 5000), size=st.integers(1, 3000), seed=st.integers(0, 99))
def test_block_size_never_changes_a_sample(rates: tuple[int, int], n: int, size: int, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(n).astype(np.float32)
    resampler = Resampler(*rates)
    blocks = [resampler.push(samples[at : at + size]) for at in range(0, n, size)]
    streamed = np.concatenate([*blocks, resampler.flush()])
    assert np.array_equal(streamed, soxr.resample(samples, *rates, quality="HQ"))


@pytest.mark.parametrize("rates", RATES)
def test_a_tone_keeps_its_frequency_and_level(rates: tuple[int, int]) -> None:
    before, after = rates
    tone = np.sin(2 * np.pi * 1000 * np.arange(before) / before).astype(np.float32)
    clip = resample(Clip(tone, before), after)
    assert clip.samples.size == after
    assert clip.rate_hz == after
    expected = np.sin(2 * np.pi * 1000 * np.arange(after) / after)
    middle = slice(after // 10, -after // 10)
    assert np.abs(clip.samples - expected)[middle].max() < 1e-4


def test_frequencies_above_nyquist_are_removed() -> None:
    tone = np.sin(2 * np.pi * 7000 * np.arange(48_000) / 48_000).astype(np.float32)
    clip = resample(Clip(tone, 48_000), 8_000)
    assert np.abs(clip.samples[400:-400]).max() < 1e-4


def test_equal_rates_pass_through() -> None:
    clip = Clip(np.ones(3, np.float32), 8000)
    assert resample(clip, 8000) is clip
    resampler = Resampler(8000, 8000)
    assert resampler.push(clip.samples) is clip.samples
    assert resampler.flush().size == 0


def test_source_and_start_are_kept() -> None:
    clip = resample(Clip(np.ones(800, np.float32), 8000, source="a.wav", start_s=2.5), 16_000)
    assert (clip.source, clip.start_s) == ("a.wav", 2.5)


def test_too_short_clip_raises() -> None:
    with pytest.raises(AudioError, match=r"a.wav: .*at least one sample long at 16000 Hz. Got 1 sample"):
        resample(Clip(np.ones(1, np.float32), 48_000, source="a.wav"), 16_000)


def test_rate_below_one_hz_raises() -> None:
    with pytest.raises(UsageError, match=r"`to_hz` must be at least 1 Hz. Got 0"):
        Resampler(8000, 0)


def test_upsampling_is_limited() -> None:
    with pytest.raises(AudioError, match=r"1 Hz cannot be brought to 16000 Hz: at most 1000 times"):
        Resampler(1, 16_000)
