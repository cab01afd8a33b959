from itertools import pairwise
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.features.embeddings.card import LogMelInput
from auricle.features.embeddings.patches import centred, log_mel_frames, starts_of
from auricle.features.embeddings.presets import YAMNET

RATE_HZ = 16_000
SHARED: dict[str, Any] = {"fmax_hz": 7500.0, "patch_frames": 10, "patch_hop_frames": 5}


def oracle(samples: np.ndarray, mel: LogMelInput, bank: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), mel.frame_samples)[:: mel.hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(mel.frame_samples) / mel.frame_samples)
    spectrum = np.abs(np.fft.rfft(frames * window, mel.n_fft))
    sums = (spectrum if mel.spectrum == "magnitude" else spectrum**2) @ bank.T
    sums = np.maximum(sums + mel.log_offset, mel.log_floor)
    return np.log(sums) if mel.log == "natural" else 10 * np.log10(sums)


def tensorflow_bank() -> np.ndarray:
    """tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125, 7500), written from its documentation."""

    def to_mel(hz: np.ndarray) -> np.ndarray:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    edges = np.linspace(to_mel(np.array(125.0)), to_mel(np.array(7500.0)), 66)
    bins = to_mel(np.linspace(0.0, 8000.0, 257))[np.newaxis]
    rising = (bins - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / np.diff(edges)[1:, np.newaxis]
    return np.maximum(0.0, np.minimum(rising, falling))


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    fading = np.linspace(1.0, 0.01, RATE_HZ)
    return (0.1 * fading * rng.standard_normal(RATE_HZ)).astype(np.float32)


def test_yamnet_input_equals_tensorflow(noise: np.ndarray) -> None:
    mel = YAMNET.input
    assert isinstance(mel, LogMelInput)
    levels = log_mel_frames(noise, mel, RATE_HZ)
    assert levels.shape == (98, 64)
    np.testing.assert_allclose(levels, oracle(noise, mel, tensorflow_bank()), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"n_fft": 512, "frame_samples": 400, "hop": 160, "n_mels": 64}, {}),
        ({"n_fft": 512, "frame_samples": 512, "hop": 600, "n_mels": 40, "mel_scale": "htk", "area": "height"}, {}),
        ({"n_fft": 400, "frame_samples": 400, "hop": 160, "n_mels": 40, "log": "decibels", "log_floor": 1e-6}, {}),
        ({"n_fft": 1024, "frame_samples": 640, "hop": 320, "n_mels": 32, "spectrum": "magnitude", "fmin_hz": 50.0}, {}),
    ],
)
def test_other_inputs_equal_librosa(noise: np.ndarray, changes: dict[str, Any], options: dict[str, Any]) -> None:
    mel = LogMelInput(**SHARED | changes | options)
    bank = librosa.filters.mel(
        sr=RATE_HZ,
        n_fft=mel.n_fft,
        n_mels=mel.n_mels,
        fmin=mel.fmin_hz,
        fmax=mel.fmax_hz,
        htk=mel.mel_scale == "htk",
        norm="slaney" if mel.area == "equal" else None,
        dtype=np.float64,
    )
    expected = oracle(noise, mel, bank)
    np.testing.assert_allclose(log_mel_frames(noise, mel, RATE_HZ), expected, rtol=1e-5, atol=1e-5)


def test_frames_do_not_depend_on_their_neighbours(noise: np.ndarray) -> None:
    mel = LogMelInput(**SHARED, n_fft=512, frame_samples=400, hop=160, n_mels=64)
    whole = log_mel_frames(noise, mel, RATE_HZ)
    assert np.array_equal(log_mel_frames(noise[160 * 7 :], mel, RATE_HZ), whole[7:])


@given(st.integers(1, 60), st.integers(0, 200), st.integers(1, 70))
def test_patches_reach_both_ends(patch: int, more: int, hop: int) -> None:
    starts = starts_of(patch + more, patch, hop)
    assert starts[0] == 0
    assert starts[-1] + patch == patch + more
    assert all(0 < later - earlier <= hop for earlier, later in pairwise(starts))


def test_short_sound_is_centred() -> None:
    assert centred(np.ones(3, np.float32), 6).tolist() == [0, 1, 1, 1, 0, 0]
    assert centred(np.ones(3, np.float32), 2).tolist() == [1, 1, 1]
