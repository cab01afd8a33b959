"""What a training gives: its answers, before calibration and after."""

from dataclasses import replace

import numpy as np

from auricle.bundles.aggregation import TemperatureScaling, calibrate
from auricle.training.train import TrainResult


def test_calibration_can_be_undone(trained_on_states: TrainResult, rng: np.random.Generator) -> None:
    result = trained_on_states
    logs = np.log(rng.dirichlet(np.full(len(result.dataset.classes), 2.0), len(result.dataset)))
    how = TemperatureScaling(0.8, (0.1, -0.2, 0.3, 0.0))
    manifest = result.bundle.manifest
    calibration = manifest.calibration.model_copy(update={"recording": how})
    bundle = replace(result.bundle, manifest=manifest.model_copy(update={"calibration": calibration}))
    found = replace(result.found, out_of_fold=calibrate(logs, how))
    np.testing.assert_allclose(replace(result, bundle=bundle, found=found).uncalibrated, calibrate(logs), atol=1e-3)


def test_numbers_have_no_calibration(trained_on_speeds: TrainResult) -> None:
    assert trained_on_speeds.uncalibrated is trained_on_speeds.found.out_of_fold


def test_the_answers_are_those_that_were_scored(trained_on_states: TrainResult) -> None:
    answered, scores = trained_on_states.answered, trained_on_states.bundle.manifest.scores
    assert answered.right.mean() == scores["accuracy"]
    assert len(answered.truth) == scores["n_recordings"]
