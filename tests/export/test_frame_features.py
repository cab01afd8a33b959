import numpy as np
import pytest

from auricle import features
from auricle.export.frame_features import GROUPS, FrameValues
from auricle.features.analysis import group_of
from auricle.features.columns import FEATURES, UNPOOLED
from auricle.features.filters import contrast_bins
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40, n_mfcc=13)

# Largest difference in the group's own unit; of groups that count bins or crossings, all but a few frames are equal.
TOLERANCE = {
    "mfcc": 2e-3,
    "mfcc_delta": 1e-3,
    "mfcc_delta2": 1e-3,
    "mel": 1e-3,
    "mel_delta": 1e-3,
    "centroid": 0.1,
    "bandwidth": 0.1,
    "rolloff": 0.0,
    "flatness": 1e-5,
    "contrast": 1e-3,
    "chroma": 1e-5,
    "flux": 1e-2,
    "rms": 1e-6,
    "energy": 1e-4,
    "zcr": 0.0,
}


def test_every_group_of_columns_can_be_exported():
    assert GROUPS.keys() == FEATURES.keys() - UNPOOLED
    assert TOLERANCE.keys() == GROUPS.keys()


def clear_bands(samples):
    """Return which bands have valleys within 60 dB of every frame's peak; below that, float32 rounds."""
    spectrum = features.magnitude(samples, SPEC)
    valleys = [
        np.sort(spectrum[:, first : first + count], axis=1)[:, :few].mean(axis=1)
        for first, count, few in contrast_bins(SPEC.rate_hz, SPEC.n_fft)
    ]
    return [bool((valley >= 1e-3 * spectrum.max(axis=1)).all()) for valley in valleys]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_equals_the_features(run, sound, group):
    difference = {}
    for n in (16_000, 512 + 3 * 128, 512):
        samples = sound[4000 : 4000 + n]
        got = run(lambda graph, value: GROUPS[group](FrameValues(graph, value, SPEC)), samples)
        expected = group_of(samples, SPEC, group)
        assert got.shape == expected.shape
        compared = clear_bands(samples) if group == "contrast" else slice(None)
        difference[n] = np.quantile(np.abs(got - expected)[:, compared], 0.999) if np.any(compared) else 0.0
    assert {n: value for n, value in difference.items() if value > TOLERANCE[group]} == {}


def test_silence_equals_the_features(run):
    samples = np.zeros(1024, np.float32)
    for group, values in GROUPS.items():
        got = run(lambda graph, value, values=values: values(FrameValues(graph, value, SPEC)), samples)
        np.testing.assert_allclose(got, group_of(samples, SPEC, group), rtol=1e-5, atol=1e-4, err_msg=group)
