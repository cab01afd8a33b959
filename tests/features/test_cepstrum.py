import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.features.cepstrum import delta, mfcc
from auricle.features.spec import FeatureSpec

Samples = NDArray[np.float32]


def test_mfcc_equals_librosa(sound: Samples, spec: FeatureSpec) -> None:
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
def test_too_few_frames_do_not_change(n_frames: int) -> None:
    assert np.array_equal(delta(np.ones((n_frames, 3))), np.zeros((n_frames, 3)))


def test_a_delta_of_something_else_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`order` must be 1 or 2\. Got 3"):
        delta(np.zeros((9, 2)), order=3)
    with pytest.raises(UsageError, match=r"shape \(n_frames, n\). Got \(9,\)"):
        delta(np.zeros(9))
