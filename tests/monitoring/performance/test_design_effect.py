"""Design effect of few sources on the labels."""

import numpy as np
import pytest

from auricle.monitoring.performance.design_effect import MIN_ICC, design_effect, intraclass_correlation


@pytest.mark.parametrize("groups", [np.arange(60), np.zeros(60)])
def test_independent_recordings_and_one_source_have_none(rng, groups):
    assert intraclass_correlation(rng.normal(size=60), groups) == 0.0
    assert design_effect(groups, 0.0) == (1.0, np.inf)


def test_correlation_is_estimated(rng):
    groups = np.repeat(np.arange(200), 10)
    residuals = rng.normal(size=200)[groups] + rng.normal(size=2000)
    assert intraclass_correlation(residuals, groups) == pytest.approx(0.5, abs=0.06)


def test_few_groups_that_look_alike_keep_the_least_correlation():
    groups, residuals = np.repeat(np.arange(3), 10), np.tile([0.0, 1.0], 15)
    assert intraclass_correlation(residuals, groups) == MIN_ICC
    assert intraclass_correlation(np.zeros(30), groups) == MIN_ICC
    effect, freedom = design_effect(groups, MIN_ICC)
    assert effect == pytest.approx(1.45)
    assert 2.0 < freedom < 30.0


def test_a_part_of_the_labels_suffers_less():
    groups = np.repeat(np.arange(4), 25)
    (whole, few), (part, more) = design_effect(groups, 0.2), design_effect(groups[::5], 0.2)
    assert part < whole
    assert more > few
