import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from auricle.models.calibration import fit_calibration


def out_of_fold_logs(n, rng, *, n_classes=4):
    logits = rng.normal(0, 2, (n, n_classes))
    truth = np.array([rng.choice(n_classes, p=p) for p in softmax(logits, axis=1)])
    return logits, truth, np.arange(n) % 5


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_of_overconfident_predictions_is_recovered(true_temperature, rng):
    logits, truth, blocks = out_of_fold_logs(3000, rng)
    temperature, bias = fit_calibration(log_softmax(logits * true_temperature, axis=1), truth, blocks)
    assert temperature == pytest.approx(true_temperature, rel=0.1)
    assert bias == ()


def test_underestimated_class_gets_a_bias(rng):
    logits, truth, blocks = out_of_fold_logs(3000, rng)
    logits[:, 2] -= 1.5
    temperature, bias = fit_calibration(log_softmax(logits, axis=1), truth, blocks)
    assert temperature == pytest.approx(1.0, rel=0.1)
    assert bias[2] - np.mean([bias[0], bias[1], bias[3]]) == pytest.approx(1.5, abs=0.2)


def test_bias_that_differs_between_blocks_is_dropped(rng):
    logits, truth, blocks = out_of_fold_logs(200, rng)
    logits[:, 1] += np.array([2.0, -2.0, 2.0, -2.0, 0.0])[blocks]
    assert fit_calibration(log_softmax(logits, axis=1), truth, blocks)[1] == ()


def test_few_correct_predictions_do_not_give_full_confidence():
    logs = np.log(np.array([[0.6, 0.4], [0.4, 0.6], [0.7, 0.3]]))
    assert fit_calibration(logs, np.array([0, 1, 0]), np.arange(3))[0] > 0.15


def test_no_predictions_give_the_identity():
    assert fit_calibration(np.empty((0, 3)), np.empty(0, int), np.empty(0, int)) == (1.0, ())
