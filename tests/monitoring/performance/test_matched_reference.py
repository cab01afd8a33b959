"""Training recordings like the labelled ones: by confidence, or by novelty and predicted value, in any unit."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.performance.matched_reference import drawn_losses, expected_losses, matched_sample


def numbers(sample, *, unit=1.0, seed=0):
    """Turn a sample into predictions of numbers, whose error grows with novelty."""
    rng = np.random.default_rng([seed, len(sample)])
    truth = rng.uniform(0, 1, len(sample))
    answer = truth + (0.01 + 0.2 * sample.novelty) * rng.standard_normal(len(sample))
    return replace(
        sample, classes=(), outputs=(unit * answer)[:, None].astype(np.float32), truth=unit * truth.astype(np.float64)
    )


def test_doubtful_predictions_are_matched_with_doubtful_ones(make_sample):
    reference, sample = make_sample(600), make_sample(300, 1)
    doubtful = sample.subset(np.argsort(sample.confidence)[:50])
    matched = matched_sample(reference, doubtful, 0)
    assert len(matched) == 1000
    assert matched.confidence.mean() == pytest.approx(doubtful.confidence.mean(), abs=0.02)
    assert expected_losses(reference, doubtful).mean() > 2 * reference.losses.mean()
    drawn = drawn_losses(reference, doubtful, 400, 0)
    assert drawn.shape == (400, 50)
    assert drawn.mean() == pytest.approx(expected_losses(reference, doubtful).mean(), abs=0.05)


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_numbers_are_matched_by_novelty_and_value_whatever_the_unit(make_sample, unit):
    reference, sample = numbers(make_sample(600), unit=unit), numbers(make_sample(300, 1), unit=unit)
    novel = sample.subset(np.argsort(-sample.novelty)[:50])
    expected = expected_losses(reference, novel)
    assert expected.mean() == pytest.approx(novel.losses.mean(), rel=0.4)
    assert expected.mean() > 1.3 * reference.losses.mean()
    np.testing.assert_allclose(
        expected, unit * expected_losses(numbers(make_sample(600)), numbers(make_sample(300, 1)).subset(
            np.argsort(-sample.novelty)[:50])), rtol=1e-3
    )  # fmt: skip


def test_the_training_datas_own_uncertainty_is_in_the_draws(make_sample):
    reference, sample = make_sample(300), make_sample(40, 1)
    mistaken_last = reference.subset(np.argsort(reference.is_correct))
    in_groups = replace(mistaken_last, groups=np.repeat(np.arange(6), 50).astype(str))
    alone, grouped = (drawn_losses(one, sample, 500, 0).mean(axis=1).std() for one in (mistaken_last, in_groups))
    assert grouped > 1.2 * alone


@pytest.mark.parametrize("n", [1, 3, 12])
def test_a_small_reference_is_taken_as_it_is(make_sample, n):
    reference, sample = make_sample(n), make_sample(5, 1)
    assert drawn_losses(reference, sample, 20, 0).shape == (20, 5)
    assert drawn_losses(numbers(reference), numbers(sample), 20, 0).shape == (20, 5)
