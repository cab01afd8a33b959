from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.classes import class_drift
from auricle.monitoring.resampling import deal


def drift(reference, window, n_shuffles=499):
    return class_drift(reference, window, deal(len(reference), len(window), n_shuffles=n_shuffles, seed=0))


def test_a_class_that_has_vanished_is_named(make_sample):
    window = make_sample(300, 1)
    found = drift(make_sample(200), window.subset(window.truth != "cow"))
    assert found.p <= 0.005
    assert found.moved(0.005)
    cow = next(one for one in found.shares if one.label == "cow")
    assert cow.p <= 0.005
    assert cow.after < 0.3 * cow.before


def test_the_usual_shares_have_not_moved(make_sample):
    moved = sum(drift(make_sample(150, 2 * i), make_sample(80, 2 * i + 1), 199).moved(0.05) for i in range(20))
    assert moved <= 3


def test_shares_are_those_of_the_answers(make_sample):
    reference, window = make_sample(200), make_sample(100, 1)
    found = drift(reference, window, 19)
    assert sum(one.before for one in found.shares) == pytest.approx(1)
    np.testing.assert_allclose([one.after for one in found.shares], np.bincount(window.chosen, minlength=3) / 100)


def test_mistakes_do_not_hide_a_class_that_has_vanished(make_sample):
    """Answers of 'cow' fall to what other classes are mistaken for it; the class itself to nothing."""
    window = make_sample(400, 1)
    found = drift(make_sample(200), window.subset(window.truth != "cow"))
    cow = next(one for one in found.shares if one.label == "cow")
    assert cow.likely_before == pytest.approx(1 / 3, abs=0.1)
    assert cow.after > 0.03
    assert cow.likely_after <= 0.01


def test_one_sure_mistake_does_not_bring_a_class_back(make_sample):
    window = make_sample(300, 1)
    window = window.subset(window.truth != "cow")
    answers = window.answers.copy()
    answers[0] = [0.0, 1.0, 0.0]
    found = drift(make_sample(200), replace(window, answers=answers))
    assert next(one for one in found.shares if one.label == "cow").likely_after < 0.02
