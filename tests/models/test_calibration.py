import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from auricle.models.calibration import fit_temperature


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_overconfident_answers_is_found(true_temperature, rng):
    logits = rng.normal(0, 2, (3000, 4))
    truth = np.array([rng.choice(4, p=p) for p in softmax(logits, axis=1)])
    found = fit_temperature(log_softmax(logits * true_temperature, axis=1), truth)
    assert found == pytest.approx(true_temperature, rel=0.1)


def test_a_few_flawless_answers_do_not_claim_certainty():
    logs = np.log(np.array([[0.6, 0.4], [0.4, 0.6], [0.7, 0.3]]))
    assert fit_temperature(logs, np.array([0, 1, 0])) > 0.15


def test_no_answers_change_nothing():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, int)) == 1.0
