import numpy as np
import pytest
import scipy.fft

from auricle.export.modulation import _products, modulation_depth
from auricle.features import spectrum
from auricle.features.spec import FeatureSpec


@pytest.mark.parametrize("n_frames", [1, 2, 5, 60, 251, 1000])
@pytest.mark.parametrize("hop", [128, 160, 250, 512])
def test_modulation_depth_equals_the_features(run, rng, n_frames, hop):
    spec = FeatureSpec(rate_hz=16_000, n_fft=512, hop=hop, n_mels=4, n_mfcc=4, features=("modulation",))
    levels_db = (rng.normal(-40, 3, (n_frames, 4)) + 5 * np.sin(np.arange(n_frames) / 3)[:, None]).astype(np.float32)
    got = run(
        lambda graph, value: modulation_depth(graph, graph.node("Reshape", value, np.array([-1, 4])), spec),
        levels_db.ravel(),
    )
    expected = spectrum.modulation_depth(np.ascontiguousarray(levels_db.T), slice(0, len(levels_db)), spec).ravel()
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_transform_lengths_equal_the_features():
    lengths = _products(2000)
    assert [int(lengths[lengths >= n].min()) for n in range(1, 1900)] == [
        scipy.fft.next_fast_len(n, real=True) for n in range(1, 1900)
    ]
