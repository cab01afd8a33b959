from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import butter, sosfiltfilt

from auricle.audio.clip import Samples
from auricle.audio.quality import combine, measure
from auricle.errors import AudioError
from auricle.records import Quality

RATE_HZ = 16_000
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ


def tone(hz: float, peak: float = 0.5) -> Samples:
    return (peak * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32)


def test_measures_of_a_tone() -> None:
    found = measure(tone(1000), RATE_HZ)
    assert found.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1e-3)
    assert found.peak_db == pytest.approx(20 * np.log10(0.5), abs=1e-3)
    assert found.dc == pytest.approx(0, abs=1e-6)
    assert (found.clipped, found.silent) == (0, 0)
    assert found.snr_db == pytest.approx(0, abs=1e-3)
    assert 1000 <= found.bandwidth_hz < 1200


def test_measures_of_silence() -> None:
    assert measure(np.zeros(RATE_HZ, np.float32), RATE_HZ) == Quality(-120, -120, 0, 0, 1, -120, 0, 0, *[0] * 7)


def test_dc_offset_changes_neither_noise_nor_bandwidth() -> None:
    plain, offset = (measure(tone(1000, 0.1) + np.float32(dc), RATE_HZ) for dc in (0, 0.25))
    assert offset.dc == pytest.approx(0.25, abs=1e-5)
    assert offset.noise_floor_db == pytest.approx(plain.noise_floor_db, abs=1e-3)
    assert offset.bandwidth_hz == plain.bandwidth_hz
    assert offset.level_db == pytest.approx(10 * np.log10(0.25**2 + 0.1**2 / 2), abs=1e-3)


@pytest.mark.parametrize(("peak", "low", "high"), [(1.0, 0, 0), (1.2, 0.3, 0.5), (4.0, 0.8, 0.9)])
def test_clipped_counts_runs_at_full_scale(peak: float, low: float, high: float) -> None:
    assert low <= measure(np.clip(tone(200, peak), -1, 1), RATE_HZ).clipped <= high


def test_the_largest_16_bit_values_are_full_scale() -> None:
    samples = np.zeros(100, np.float32)
    samples[10:15] = 32767 / 32768
    samples[20:22] = -1
    assert measure(samples, RATE_HZ).clipped == pytest.approx(5 / 100)


def test_noise_floor_and_snr(rng: np.random.Generator) -> None:
    noise = 0.001 * rng.standard_normal(TIME_S.size)
    bursts = np.where((TIME_S * 4).astype(int) % 2, 0.1, 0.0) * np.sin(2 * np.pi * 500 * TIME_S)
    found = measure((noise + bursts).astype(np.float32), RATE_HZ)
    assert found.noise_floor_db == pytest.approx(-60, abs=1)
    assert found.snr_db == pytest.approx(-23 + 60, abs=1)
    assert found.silent == 0


@pytest.mark.parametrize("cut_hz", [1000, 3000, 5000])
def test_bandwidth_finds_where_a_filter_cuts(cut_hz: int, rng: np.random.Generator) -> None:
    sos = butter(16, cut_hz, fs=RATE_HZ, output="sos")
    found = measure(sosfiltfilt(sos, 0.1 * rng.standard_normal(TIME_S.size)).astype(np.float32), RATE_HZ)
    assert cut_hz <= found.bandwidth_hz <= 1.3 * cut_hz
    assert measure(0.1 * rng.standard_normal(TIME_S.size).astype(np.float32), RATE_HZ).bandwidth_hz == RATE_HZ / 2


@given(arrays(np.float32, st.integers(1, 700), elements=st.floats(-2, 2, width=32)), st.integers(1, 200_000))
def test_measures_are_finite_and_in_range(samples: Samples, rate_hz: int) -> None:
    found = measure(samples, rate_hz)
    assert np.isfinite(astuple(found)).all()
    assert min(found.level_db, found.peak_db, found.noise_floor_db) >= -120
    assert 0 <= found.clipped <= 1
    assert 0 <= found.silent <= 1
    assert found.snr_db >= 0
    assert 0 <= found.bandwidth_hz <= rate_hz / 2
    assert measure(samples, rate_hz) == found


def test_combined_quality_equals_that_of_the_recording(rng: np.random.Generator) -> None:
    samples = (0.1 * rng.standard_normal(4 * RATE_HZ)).astype(np.float32)
    samples[RATE_HZ:] *= 0.25
    samples[5] = 0.9
    whole = measure(samples, RATE_HZ)
    pieces = np.split(samples, [RATE_HZ])
    parts = combine([measure(piece, RATE_HZ) for piece in pieces], [1.0, 3.0])
    assert parts.level_db == pytest.approx(whole.level_db, abs=1e-3)
    assert parts.peak_db == whole.peak_db
    assert parts.dc == pytest.approx(whole.dc, abs=1e-6)
    assert parts.silent == whole.silent
    assert parts.bandwidth_hz == whole.bandwidth_hz


def test_silent_windows_do_not_lower_the_bandwidth() -> None:
    loud, silent = measure(tone(3000), RATE_HZ), measure(np.zeros(100, np.float32), RATE_HZ)
    both = combine([loud, silent], [1, 1])
    assert both.bandwidth_hz == pytest.approx(loud.bandwidth_hz, abs=0.1)
    assert both.silent == 0.5
    assert combine([silent, silent], [1, 2]) == silent


@pytest.mark.parametrize("weights", [[], [1.0], [1.0, 0.0], [1.0, -1.0]])
def test_combine_needs_one_positive_weight_each(weights: list[float]) -> None:
    quality = measure(tone(100), RATE_HZ)
    with pytest.raises(AudioError, match=r"positive weight"):
        combine([quality, quality], weights)


def bursts(rng: np.random.Generator, floor: float = 1e-4) -> Samples:
    """Short noises that begin and end at once, over a floor."""
    on = (TIME_S * 2) % 1 < 0.2
    return ((on * 0.1 + floor) * rng.standard_normal(TIME_S.size)).astype(np.float32)


@pytest.mark.parametrize("level", [1.0, 0.1])
def test_flat_top_does_not_depend_on_level(level: float, rng: np.random.Generator) -> None:
    noise = rng.standard_normal(TIME_S.size).astype(np.float32)
    assert measure(noise * np.float32(0.2), RATE_HZ).flat_topped < 0.02
    assert measure(np.clip(noise, -1.5, 1.5) / np.float32(1.5) * np.float32(level), RATE_HZ).flat_topped > 0.1


def test_reverberation_slows_decay_not_attack(rng: np.random.Generator) -> None:
    dry = bursts(rng)
    tail = rng.standard_normal(RATE_HZ) * 10 ** (-3 * np.arange(RATE_HZ) / RATE_HZ)
    wet = (dry + np.convolve(dry, 0.01 * tail)[: dry.size]).astype(np.float32)
    before, after = measure(dry, RATE_HZ), measure(wet, RATE_HZ)
    assert before.decay_db == pytest.approx(before.attack_db, rel=0.1)
    assert after.decay_db < before.decay_db / 3
    assert after.attack_db > 1.3 * after.decay_db


def test_noise_floor_slows_attack_and_decay(rng: np.random.Generator) -> None:
    noisy = measure(bursts(rng, floor=0.03), RATE_HZ)
    assert noisy.attack_db == pytest.approx(noisy.decay_db, rel=0.2)


@pytest.mark.parametrize("cut_hz", [2000, 4000])
def test_brick_wall_cutoff_is_steeper_than_a_filter(cut_hz: int, rng: np.random.Generator) -> None:
    noise = 0.1 * rng.standard_normal(TIME_S.size)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(noise.size, 1 / RATE_HZ) > cut_hz] = 0
    wall = np.fft.irfft(spectrum, noise.size).astype(np.float32)
    slope = sosfiltfilt(butter(2, cut_hz, fs=RATE_HZ, output="sos"), noise).astype(np.float32)
    assert measure(wall, RATE_HZ).cutoff_db > 50
    assert measure(slope, RATE_HZ).cutoff_db < 45


def test_missing_bands_are_holes(rng: np.random.Generator) -> None:
    noise = 0.1 * rng.standard_normal((TIME_S.size // 512, 512))
    spectra = np.fft.rfft(noise, axis=1)
    bands = np.repeat(rng.random((len(spectra), 33)) < 0.3, 8, axis=1)[:, : spectra.shape[1]]
    coded = np.fft.irfft(np.where(bands, 0, spectra), 512, axis=1).ravel().astype(np.float32)
    assert measure(noise.ravel().astype(np.float32), RATE_HZ).holes == 0
    assert measure(coded, RATE_HZ).holes > 0.03


def test_dropouts_are_counted(rng: np.random.Generator) -> None:
    noise = (0.1 * rng.standard_normal(TIME_S.size)).astype(np.float32)
    assert measure(noise, RATE_HZ).dropouts == 0
    for second in (0.3, 0.9, 1.5):
        noise[round(second * RATE_HZ) : round((second + 0.1) * RATE_HZ)] = 0
    assert measure(noise, RATE_HZ).dropouts == pytest.approx(3 / 2)
