"""Novel clusters: new kinds of sound and the share of the window they make."""

import numpy as np
import pytest

from auricle.monitoring.drift.novel_clusters import novel_clusters
from auricle.monitoring.drift.resampling import permutation_masks


def found(values, n_window, groups=None):
    n = len(values)
    groups = np.arange(n).astype(str) if groups is None else groups
    return novel_clusters(
        values.astype(np.float32), groups, permutation_masks(n - n_window, n_window, n_shuffles=1000, seed=0)
    )


def clustered(rng, n_new):
    """Two hundred of five kinds, two hundred live ones of the same, of which the last are a sixth kind among them."""
    centres = rng.normal(size=(6, 12)) * 4.0
    kind = rng.integers(0, 5, 400)
    kind[400 - n_new :] = 5
    centres[5] = centres[:5].mean(axis=0)
    return centres[kind] + rng.normal(size=(400, 12))


def test_new_cluster_between_others_is_detected(rng):
    drift = found(clustered(rng, 40), 200)
    assert drift.drifted(0.001)
    assert drift.share == pytest.approx(0.2, abs=0.06)
    assert drift.is_part


def test_known_clusters_are_no_drift(rng):
    drift = found(clustered(rng, 0), 200)
    assert not drift.drifted(0.05)
    assert drift.share < 0.02


def test_neighbours_within_a_group_do_not_count(rng):
    groups = np.arange(400).astype(str)
    groups[360:] = "one machine"
    values = clustered(rng, 40)
    drift = found(values, 200, groups)
    assert drift.share < 0.02
    assert not drift.drifted(0.01)
    assert found(values, 200).p <= 0.001


def test_few_recordings_run(rng):
    assert not found(rng.normal(size=(8, 3)), 3).drifted(0.05)


def test_shift_of_all_recordings_is_no_part(rng):
    values = rng.normal(size=(400, 12))
    values[200:] += 1.0
    drift = found(values, 200)
    assert drift.drifted(0.01)
    assert not drift.is_part
