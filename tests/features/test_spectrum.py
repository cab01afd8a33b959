import re
from collections.abc import Callable

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.errors import FeatureError, UsageError
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import (
    delta,
    log_mel,
    magnitude,
    mfcc,
    modulation_depth,
    modulation_spectrum,
    phase,
    power,
    stft,
)

Samples = NDArray[np.float32]


def librosa_stft(sound: Samples, spec: FeatureSpec) -> NDArray[np.complex64]:
    return librosa.stft(sound, n_fft=spec.n_fft, hop_length=spec.hop, center=False)


def librosa_mel_power(sound: Samples, spec: FeatureSpec) -> NDArray[np.float32]:
    return librosa.feature.melspectrogram(
        S=np.abs(librosa_stft(sound, spec)) ** 2,
        sr=spec.rate_hz,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
        htk=spec.mel_scale == "htk",
    )


def check_log_mel(sound: Samples, spec: FeatureSpec) -> None:
    theirs = librosa_mel_power(sound, spec)
    theirs_db = librosa.power_to_db(theirs, top_db=None)
    ours_db = log_mel(sound, spec).T
    peak = np.maximum(theirs.max(axis=0), 1e-10)
    near = theirs >= 1e-6 * peak
    assert ours_db.dtype == np.float32
    assert np.abs(ours_db - theirs_db)[near].max(initial=0) <= 1e-3
    apart = np.abs(10.0 ** (ours_db / 10) - np.maximum(theirs, 1e-10)) / peak
    assert apart[~near].max(initial=0) <= 1e-6


def test_log_mel_equals_librosa(on_every_sound: Callable[..., None]) -> None:
    on_every_sound(check_log_mel)


@pytest.mark.recordings
def test_log_mel_equals_librosa_on_recordings(recordings) -> None:
    for sound, spec in recordings:
        check_log_mel(sound, spec)


def check_stft(sound: Samples, spec: FeatureSpec) -> None:
    ours, theirs = stft(sound, spec).T, librosa_stft(sound, spec)
    assert ours.dtype == np.complex64
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-6 * max(np.abs(theirs).max(), 1e-10)


def test_stft_equals_librosa(on_every_sound: Callable[..., None]) -> None:
    on_every_sound(check_stft)


def check_parts_of_the_stft(sound: Samples, spec: FeatureSpec) -> None:
    spectrum = stft(sound, spec)
    assert np.array_equal(magnitude(sound, spec), np.abs(spectrum))
    assert np.array_equal(phase(sound, spec), np.angle(spectrum))
    np.testing.assert_allclose(power(sound, spec), np.abs(spectrum) ** 2, rtol=1e-5)
    assert {part(sound, spec).dtype for part in (magnitude, phase, power)} == {np.dtype(np.float32)}


def test_magnitude_phase_and_power_are_the_parts_of_the_stft(on_every_sound: Callable[..., None]) -> None:
    on_every_sound(check_parts_of_the_stft)


def test_a_full_scale_tone_has_the_level_of_the_window(spec: FeatureSpec) -> None:
    hz = round(0.1 * spec.n_fft) * spec.rate_hz / spec.n_fft  # in the middle of a bin
    tone = np.sin(2 * np.pi * hz * np.arange(2 * spec.n_fft) / spec.rate_hz)
    assert magnitude(tone, spec).max() == pytest.approx(spec.n_fft / 4, rel=1e-4)


def test_frames_do_not_depend_on_each_other(spec: FeatureSpec, rng: np.random.Generator) -> None:
    sound = rng.standard_normal(40 * spec.hop + spec.n_fft).astype(np.float32)
    whole = log_mel(sound, spec)
    frames = [log_mel(sound[start : start + spec.n_fft], spec) for start in range(0, 41 * spec.hop, spec.hop)]
    assert np.array_equal(whole, np.concatenate(frames))


def test_samples_after_the_last_whole_frame_change_nothing(spec: FeatureSpec, rng: np.random.Generator) -> None:
    sound = rng.standard_normal(spec.n_fft + 17 * spec.hop - 1).astype(np.float32)
    assert np.array_equal(log_mel(sound, spec), log_mel(sound[: spec.n_fft + 16 * spec.hop], spec))


@pytest.mark.parametrize("function", [stft, log_mel])
def test_invalid_window_raises(function) -> None:
    spec = FeatureSpec()
    with pytest.raises(FeatureError, match=r"at least one frame of 2048 samples \(0.09288 s at 22050 Hz\). Got 2047"):
        function(np.zeros(2047), spec)
    for bad in (np.nan, np.inf, -np.inf, np.float32(3e20)):
        sound = np.zeros(3000, np.float32)
        sound[2999] = bad
        shown = re.escape(f"{bad:g}")
        with pytest.raises(FeatureError, match=rf"finite, .* Sample 2999 \(0.136 s\) is {shown}"):
            function(sound, spec)
    with pytest.raises(FeatureError, match=r"one channel of samples. Got shape \(2, 3000\)"):
        function(np.zeros((2, 3000)), spec)


def test_lists_integers_and_read_only_arrays_are_accepted() -> None:
    spec = FeatureSpec(n_fft=64, hop=32, n_mels=4, n_mfcc=2)
    sound = np.linspace(-1, 1, 200, dtype=np.float32)
    frozen = sound.copy()
    frozen.flags.writeable = False
    expected = log_mel(sound, spec)
    for other in (frozen, sound.tolist(), sound.astype(np.float64), np.stack([sound, sound], axis=1)[:, 0]):
        assert np.array_equal(log_mel(other, spec), expected)
    assert log_mel(np.arange(100), spec).shape == (2, 4)


def check_mfcc(sound: Samples, spec: FeatureSpec) -> None:
    power = np.abs(librosa.stft(sound, n_fft=spec.n_fft, hop_length=spec.hop, center=False)) ** 2
    bands = librosa.feature.melspectrogram(
        S=power,
        sr=spec.rate_hz,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
        htk=spec.mel_scale == "htk",
    )
    theirs = librosa.feature.mfcc(S=librosa.power_to_db(bands, top_db=None), n_mfcc=spec.n_mfcc)
    ours = mfcc(sound, spec).T
    assert ours.dtype == np.float32
    within_60_db = bands.min(axis=0) >= 1e-6 * bands.max(axis=0)
    apart = np.abs(ours - theirs)
    assert apart[:, within_60_db].max(initial=0) <= 2e-3
    assert apart.max() <= 0.2  # the rounding of a tone's empty bands, 130 dB below it


def test_mfcc_equals_librosa(on_every_sound: Callable[..., None]) -> None:
    on_every_sound(check_mfcc)


@pytest.mark.parametrize("n_mfcc", [1, 2, 3, 4, 5, 13, 40])
def test_any_number_of_coefficients(n_mfcc: int, rng: np.random.Generator) -> None:
    sound = rng.standard_normal(8000).astype(np.float32)
    many = FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=40, n_mfcc=40)
    some = many.model_copy(update={"n_mfcc": n_mfcc})
    np.testing.assert_allclose(mfcc(sound, some), mfcc(sound, many)[:, :n_mfcc], atol=1e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_delta_equals_librosa(order: int, rng: np.random.Generator) -> None:
    values = rng.standard_normal((50, 7)).astype(np.float32)
    np.testing.assert_allclose(delta(values, order=order), librosa.feature.delta(values.T, order=order).T, atol=1e-5)


@given(n_frames=st.integers(3, 40), level=st.floats(-10, 10), slope=st.floats(-10, 10), bend=st.floats(-10, 10))
def test_the_deltas_of_a_parabola_are_its_derivatives(n_frames: int, level: float, slope: float, bend: float) -> None:
    time = np.arange(n_frames, dtype=float)
    line, parabola = level + slope * time, bend * time**2
    assert np.allclose(delta(line[:, np.newaxis]), slope, atol=1e-3)
    scale = max(1.0, abs(bend) * n_frames**2)
    assert np.allclose(delta(parabola[:, np.newaxis], order=2), 2 * bend, atol=1e-5 * scale)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_delta_of_fewer_than_three_frames_is_zero(n_frames: int) -> None:
    assert np.array_equal(delta(np.ones((n_frames, 3))), np.zeros((n_frames, 3)))


def test_invalid_delta_arguments_raise() -> None:
    with pytest.raises(UsageError, match=r"`order` must be 1 or 2\. Got 3"):
        delta(np.zeros((9, 2)), order=3)
    with pytest.raises(UsageError, match=r"shape \(n_frames, n\). Got \(9,\)"):
        delta(np.zeros(9))


MODULATION_SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=20, features=("modulation",))


@pytest.mark.parametrize("seconds", [1.0, 4.0])
@pytest.mark.parametrize(("hz", "octave"), [(3.0, 1), (6.0, 2), (12.0, 3), (24.0, 4)])
def test_modulated_levels_peak_in_their_octave(hz: float, octave: int, seconds: float) -> None:
    time_s = np.arange(0, seconds, MODULATION_SPEC.hop / MODULATION_SPEC.rate_hz)
    levels_db = np.tile(10 * np.sin(2 * np.pi * hz * time_s), (2, 1)).astype(np.float32)
    found = modulation_depth(levels_db, slice(0, time_s.size), MODULATION_SPEC)
    assert found.shape == (2, 6)
    assert np.argmax(found[0]) == octave
    assert found[0, octave] == pytest.approx(10 / np.sqrt(2), rel=0.1)


def test_steady_sound_has_no_modulation() -> None:
    assert modulation_spectrum(np.zeros(16_000), MODULATION_SPEC).max() == 0
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    assert modulation_spectrum(tone, MODULATION_SPEC)[7].max() < 0.1


@pytest.mark.parametrize("n_frames", [1, 2, 3, 50])
def test_modulation_of_short_windows_is_finite(n_frames: int, rng: np.random.Generator) -> None:
    sound = rng.standard_normal(MODULATION_SPEC.n_fft + (n_frames - 1) * MODULATION_SPEC.hop)
    assert np.isfinite(modulation_spectrum(sound, MODULATION_SPEC)).all()
