from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.features import descriptors
from auricle.features.columns import contrast_bands
from auricle.features.filters import contrast_bins
from auricle.features.spec import FeatureSpec

Samples = NDArray[np.float32]


def magnitude(sound: Samples, spec: FeatureSpec) -> NDArray[np.float32]:
    return np.abs(librosa.stft(sound, n_fft=spec.n_fft, hop_length=spec.hop, center=False))


def spans_60_db(spectrum: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the frames in which rounding, 130 dB below the peak, does not show."""
    return np.median(spectrum, axis=0) < 1e-3 * spectrum.max(axis=0)


def check_spectral_shape(sound: Samples, spec: FeatureSpec) -> None:
    spectrum = magnitude(sound, spec)
    asked: dict[str, Any] = {"S": spectrum, "sr": spec.rate_hz}
    assert (
        np.abs(descriptors.spectral_centroid(sound, spec).T - librosa.feature.spectral_centroid(**asked)).max() <= 0.1
    )
    apart = np.abs(descriptors.spectral_bandwidth(sound, spec).T - librosa.feature.spectral_bandwidth(**asked))[0]
    assert apart[~spans_60_db(spectrum)].max(initial=0) <= 0.1
    assert apart.max() <= 5e-4 * spec.rate_hz / 2
    rolloff = librosa.feature.spectral_rolloff(**asked).astype(np.float32)
    assert np.mean(rolloff == descriptors.spectral_rolloff(sound, spec).T) >= 0.999
    flatness = librosa.feature.spectral_flatness(S=spectrum)
    assert np.abs(descriptors.spectral_flatness(sound, spec).T - flatness).max() <= 5e-5


def check_contrast(sound: Samples, spec: FeatureSpec) -> None:
    spectrum = magnitude(sound, spec)
    n_bands = contrast_bands(spec.rate_hz)
    theirs = librosa.feature.spectral_contrast(S=spectrum, sr=spec.rate_hz, n_bands=n_bands)
    ours = descriptors.spectral_contrast(sound, spec).T
    assert ours.shape == theirs.shape
    for band, (first, count, few) in enumerate(contrast_bins(spec.rate_hz, spec.n_fft)):
        valley = np.sort(spectrum[first : first + count], axis=0)[:few].mean(axis=0)
        near = valley >= 1e-3 * spectrum.max(axis=0)
        assert np.abs(ours - theirs)[band, near].max(initial=0) <= 1e-3


def check_chroma(sound: Samples, spec: FeatureSpec) -> None:
    power = magnitude(sound, spec) ** 2
    theirs = librosa.feature.chroma_stft(S=power, sr=spec.rate_hz, n_fft=spec.n_fft, tuning=0)
    assert np.abs(descriptors.chroma_stft(sound, spec).T - theirs).max() <= 1e-5


def check_time_domain(sound: Samples, spec: FeatureSpec) -> None:
    frames: dict[str, Any] = {"frame_length": spec.n_fft, "hop_length": spec.hop, "center": False}
    rms = librosa.feature.rms(y=sound, **frames)
    np.testing.assert_allclose(descriptors.rms(sound, spec).T, rms, rtol=2e-5, atol=1e-12)
    np.testing.assert_allclose(descriptors.energy(sound, spec).T, rms**2 * spec.n_fft, rtol=4e-5, atol=1e-20)
    rate = librosa.feature.zero_crossing_rate(sound, **frames).astype(np.float32)
    assert np.mean(rate == descriptors.zero_crossing_rate(sound, spec).T) >= 0.999


def check_flux(sound: Samples, spec: FeatureSpec) -> None:
    bands = librosa.feature.melspectrogram(
        S=magnitude(sound, spec) ** 2,
        sr=spec.rate_hz,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
        htk=spec.mel_scale == "htk",
    )
    theirs = librosa.onset.onset_strength(S=librosa.power_to_db(bands, top_db=None), center=False)
    assert np.abs(descriptors.spectral_flux(sound, spec)[:, 0] - theirs).max() <= 1e-2


CHECKS = [check_spectral_shape, check_contrast, check_chroma, check_time_domain, check_flux]


@pytest.mark.parametrize("check", CHECKS)
def test_descriptors_equal_librosa(check: Callable[..., None], on_every_sound: Callable[..., None]) -> None:
    on_every_sound(check)


@pytest.mark.recordings
def test_descriptors_equal_librosa_on_recordings(recordings) -> None:
    for sound, spec in recordings:
        for check in CHECKS:
            check(sound, spec)


def test_silence_has_finite_numbers(spec: FeatureSpec) -> None:
    silence = np.zeros(3 * spec.n_fft, np.float32)
    found = {name: getattr(descriptors, name)(silence, spec) for name in descriptors.__all__}
    assert {name for name, values in found.items() if not np.isfinite(values).all()} == set()
    assert {(values.dtype, len(values)) for values in found.values()} == {
        (np.dtype(np.float32), spec.n_frames(silence.size))
    }


def test_contrast_without_a_bin_in_a_band_is_refused() -> None:
    spec = FeatureSpec(rate_hz=22_050, n_fft=64, hop=32, n_mels=8, n_mfcc=4)
    with pytest.raises(UsageError, match=r"octave band .* must hold a bin of the spectrum\. The band from 0 Hz"):
        descriptors.spectral_contrast(np.zeros(1000), spec)
