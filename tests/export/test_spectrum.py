import numpy as np
import pytest

from auricle import features
from auricle.export.spectrum import decibels, frames, log_mel, power
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40)


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (400, 160), (256, 256), (512, 100), (256, 600)])
def test_frames_equal_the_features(run, n_fft, hop):
    spec = FeatureSpec(rate_hz=16_000, n_fft=n_fft, hop=hop, n_mels=8, n_mfcc=8)
    samples = np.arange(2000, dtype=np.float32)
    expected = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop]
    np.testing.assert_array_equal(run(lambda graph, value: frames(graph, value, spec), samples), expected)


@pytest.mark.parametrize("n_fft", [256, 400, 441, 512, 1024, 2048, 509])
def test_the_power_spectrum_equals_a_fourier_transform(run, sound, n_fft):
    spec = FeatureSpec(rate_hz=16_000, n_fft=n_fft, hop=n_fft // 4, n_mels=8, n_mfcc=8)
    got = run(lambda graph, value: power(graph, frames(graph, value, spec), spec), sound)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    views = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), n_fft)[:: n_fft // 4]
    expected = np.abs(np.fft.rfft(views * window))
    np.testing.assert_allclose(np.sqrt(got), expected, atol=1e-6 * expected.max())


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_log_mel_equals_the_features(run, sound, scale):
    spec = SPEC.model_copy(update={"mel_scale": scale, "fmin_hz": 50.0, "fmax_hz": 7000.0})
    got = run(lambda graph, value: log_mel(graph, value, spec), sound)
    expected = features.log_mel(sound, spec)
    near = expected > expected.max(axis=1, keepdims=True) - 60
    np.testing.assert_allclose(got[near], expected[near], atol=1e-3)
    np.testing.assert_allclose(10 ** (got / 10), 10 ** (expected / 10), atol=2e-6 * 10 ** (expected.max() / 10))


def test_silence_is_at_the_floor(run):
    got = run(lambda graph, value: log_mel(graph, value, SPEC), np.zeros(600, np.float32))
    np.testing.assert_allclose(got, -100.0, rtol=1e-6)


def test_decibels_are_of_power(run):
    got = run(decibels, np.array([1, 100, 1e-20], np.float32))
    np.testing.assert_allclose(got, [0, 20, -100], atol=1e-5)
