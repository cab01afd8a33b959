"""Packaging: the bundle holds the scores, intervals and self-test of the model fitted to all recordings."""

import numpy as np
import pytest

from auricle.bundles.graph import Graph
from auricle.training.packaging import golden_indices
from auricle.training.result import TrainResult


@pytest.mark.parametrize(("n", "indices"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (9, [0, 4, 8])])
def test_golden_recordings_are_spread_evenly(n: int, indices: list[int]) -> None:
    assert golden_indices(n) == indices


def test_the_self_test_has_the_rows_and_predictions_of_its_windows(trained_on_states: TrainResult) -> None:
    bundle = trained_on_states.bundle
    golden, pipeline = bundle.golden, bundle.features()
    assert len(golden.windows) == 3
    np.testing.assert_array_equal(golden.rows, np.stack([pipeline.row(window) for window in golden.windows]))
    np.testing.assert_array_equal(golden.answers, Graph(bundle.graph).predict(golden.rows))


def test_the_profile_has_the_out_of_fold_predictions(trained_on_states: TrainResult) -> None:
    profile = trained_on_states.bundle.profile
    expected = trained_on_states.search.out_of_fold[profile.chosen].astype(np.float32)
    np.testing.assert_array_equal(profile.answers, expected)


def test_a_classifier_has_sets_and_a_regressor_an_interval(
    trained_on_states: TrainResult, trained_on_speeds: TrainResult
) -> None:
    classifier, regressor = trained_on_states.bundle.manifest, trained_on_speeds.bundle.manifest
    assert (classifier.interval, classifier.target, regressor.sets) == (None, None, None)
    assert regressor.target is not None
    assert len(classifier.event_thresholds) == len(classifier.classes)
    assert regressor.event_thresholds == ()
    assert classifier.scores.keys() >= {"log_loss", "log_loss_uncalibrated", "ece", "ece_uncalibrated", "ci95"}
