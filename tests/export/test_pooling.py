import numpy as np
import pytest

from auricle.bundles.graph_builder import GraphBuilder
from auricle.errors import ExportError
from auricle.export.pooling import POOLS, Stretch, pool, trim_silence
from auricle.features import pooling
from auricle.features.columns import PART_STATISTICS, STATISTICS
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40, statistics=STATISTICS, parts=3)


def expected_of(values, spec):
    """Return the features' statistics of values, shape (n_frames, n), padded because kernels write whole SIMD lanes."""
    return pooling.pool(np.ascontiguousarray(np.pad(values.T, ((0, 0), (0, 32)))), slice(0, len(values)), spec)


def frames_of(graph, samples):
    """Write samples as frames of three values."""
    return graph.node("Reshape", samples, np.array([-1, 3]))


def test_every_statistic_can_be_exported():
    assert set(POOLS) == set(PART_STATISTICS)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n_frames", [1, 2, 7, 40])
def test_a_statistic_equals_the_features(run, rng, statistic, n_frames):
    values = rng.normal(5, 2, (n_frames, 3)).astype(np.float32)
    spec = SPEC.model_copy(update={"statistics": (statistic,), "parts": 1})
    got = run(lambda graph, value: POOLS[statistic](Stretch(graph, frames_of(graph, value), 0.008)), values.ravel())
    np.testing.assert_allclose(got, expected_of(values, spec), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 40])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_parts_equal_the_features(run, rng, n_frames, parts):
    values = rng.normal(0, 1, (n_frames, 3)).astype(np.float32)
    spec = SPEC.model_copy(
        update={"statistics": ("mean", "max"), "parts": parts, "part_statistics": ("min", "rise", "std")}
    )
    got = run(
        lambda graph, value: graph.node("Concat", *pool(graph, frames_of(graph, value), spec), axis=0), values.ravel()
    )
    np.testing.assert_allclose(got, expected_of(values, spec), atol=1e-6)


@pytest.mark.parametrize(("energy", "kept"), [([1e-9, 1, 0.01, 1, 1e-9], (1, 4)), ([0, 0, 0], (0, 3)), ([2], (0, 1))])
def test_trimmed_frames_equal_the_features(run, energy, kept):
    energy = np.array(energy, np.float32)

    def write(graph, value):
        column = graph.node("Unsqueeze", value, np.array([1]))
        return graph.node("Concat", *trim_silence(graph, column, 30.0), axis=0)

    assert tuple(run(write, energy)) == kept
    assert pooling.trim_silence(energy, 30.0) == slice(*kept)


def test_a_statistic_that_cannot_be_exported_is_named():
    spec = SPEC.model_copy(update={"statistics": ("mean", "kurtosis")})
    with pytest.raises(ExportError, match=r"among mean, .* Got kurtosis\."):
        pool(GraphBuilder(), "values", spec)
