"""Training on a cluster gives the model of one machine, bit for bit."""

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.features.cache import FeatureCache
from auricle.runtime.cluster import open_engine
from auricle.training.train import train


@pytest.fixture(scope="module")
def dataset(machine_sounds):
    return Dataset.load(machine_sounds, label="label", group="machine")


def trained(dataset, **options):
    return train(dataset, models="linear", window_s=0.2, name="states", **options)


def test_a_cluster_trains_the_same_model(cluster, dataset, tmp_path):
    here = trained(dataset)
    with open_engine(cluster.engine):
        there = trained(dataset, cache=FeatureCache(tmp_path / "cache"))
    np.testing.assert_array_equal(there.examples.rows, here.examples.rows)
    assert there.bundle.version == here.bundle.version
    assert [trial.score for trial in there.search.trials] == [trial.score for trial in here.search.trials]
