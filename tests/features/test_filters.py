import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal

from auricle.features.filters import chroma_filters, cosine_transform, empty_bands, hann, mel_filters
from auricle.features.spec import FeatureSpec


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("limits", [(0.0, None), (60.0, 7000.0), (1500.0, 4000.0)])
@pytest.mark.parametrize(("rate_hz", "n_fft", "n_mels"), [(22_050, 2048, 128), (16_000, 400, 40), (48_000, 1001, 30)])
def test_mel_filters_equal_librosa(scale, limits, rate_hz: int, n_fft: int, n_mels: int) -> None:
    fmin_hz, fmax_hz = limits
    theirs = librosa.filters.mel(
        sr=rate_hz, n_fft=n_fft, n_mels=n_mels, fmin=fmin_hz, fmax=fmax_hz, htk=scale == "htk", dtype=np.float64
    )
    if (theirs.max(axis=1) == 0).any():
        pytest.skip("librosa leaves bands empty")
    spec = FeatureSpec(
        rate_hz=rate_hz, n_fft=n_fft, n_mels=n_mels, n_mfcc=2, fmin_hz=fmin_hz, fmax_hz=fmax_hz, mel_scale=scale
    )
    np.testing.assert_allclose(mel_filters(spec), theirs, atol=1e-9)


@pytest.mark.parametrize(("rate_hz", "n_fft"), [(22_050, 2048), (16_000, 512), (44_100, 4095), (8000, 256)])
def test_chroma_filters_equal_librosa(rate_hz: int, n_fft: int) -> None:
    theirs = librosa.filters.chroma(sr=rate_hz, n_fft=n_fft, tuning=0.0, dtype=np.float64)
    np.testing.assert_allclose(chroma_filters(rate_hz, n_fft), theirs, atol=1e-12)


def test_the_cosine_transform_is_orthonormal() -> None:
    whole = cosine_transform(40, 40)
    np.testing.assert_allclose(whole @ whole.T, np.eye(40), atol=1e-12)
    theirs = scipy.fft.dct(np.eye(40), norm="ortho", axis=0)
    np.testing.assert_allclose(cosine_transform(13, 40), theirs[:13], atol=1e-12)


@pytest.mark.parametrize("n_fft", [7, 8, 400, 2048])
def test_hann_is_periodic(n_fft: int) -> None:
    np.testing.assert_allclose(hann(n_fft), scipy.signal.get_window("hann", n_fft), atol=1e-12)


def test_no_band_of_a_valid_spec_is_empty() -> None:
    assert empty_bands(FeatureSpec()) == []
