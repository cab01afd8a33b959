"""The result of a training: its held-out predictions, before and after calibration."""

from dataclasses import replace

import numpy as np

from auricle.bundles.aggregation import TemperatureScaling, calibrate
from auricle.training.train import TrainResult


def test_calibration_can_be_undone(trained_on_states: TrainResult, rng: np.random.Generator) -> None:
    result = trained_on_states
    logs = np.log(rng.dirichlet(np.full(len(result.dataset.classes), 2.0), len(result.dataset)))
    scaling = TemperatureScaling(0.8, (0.1, -0.2, 0.3, 0.0))
    manifest = result.bundle.manifest
    calibration = manifest.calibration.model_copy(update={"recording": scaling})
    bundle = replace(result.bundle, manifest=manifest.model_copy(update={"calibration": calibration}))
    search = replace(result.search, out_of_fold=calibrate(logs, scaling))
    np.testing.assert_allclose(replace(result, bundle=bundle, search=search).uncalibrated, calibrate(logs), atol=1e-3)


def test_numbers_have_no_calibration(trained_on_speeds: TrainResult) -> None:
    assert trained_on_speeds.uncalibrated is trained_on_speeds.search.out_of_fold


def test_the_held_out_predictions_have_the_scores_of_the_manifest(trained_on_states: TrainResult) -> None:
    scored, scores = trained_on_states.scored, trained_on_states.bundle.manifest.scores
    assert scored.correct.mean() == scores["accuracy"]
    assert len(scored.truth) == scores["n_recordings"]
