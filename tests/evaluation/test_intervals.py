"""95% intervals over groups: coverage, few and unequal groups, and what they hold and do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from auricle.evaluation import intervals

NONE = (float("-inf"), float("inf"))


def lucky(rng, accuracy, sizes):
    """Return hits of groups with their own luck, and the groups."""
    log_odds = np.log(accuracy / (1 - accuracy)) + 0.6 * rng.standard_normal(len(sizes))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return rng.random(len(groups)) < (1 / (1 + np.exp(-log_odds)))[groups], groups


@pytest.mark.parametrize("sizes", [(20,) * 3, (5, 9, 60, 200), (5, 200) * 4, (1,) * 60])
def test_few_and_unequal_groups_have_the_nominal_coverage(sizes, rng):
    """At an even chance, the luck of groups leaves the mean where it is."""
    held = 0
    for _ in range(400):
        low, high = intervals.interval_of_share(*lucky(rng, 0.5, sizes))
        held += low <= 0.5 <= high
    assert held / 400 >= 0.92


def test_the_interval_of_a_share_is_wilsons_where_groups_are_recordings():
    low, high = intervals.interval_of_share(np.array([1] * 8 + [0] * 2), np.arange(10))
    t2 = 2.2622**2  # Student's quantile with 9 degrees of freedom
    middle, reach = (0.8 + t2 / 18) / (1 + t2 / 9), np.sqrt(t2 * (0.16 / 9 + t2 / 324)) / (1 + t2 / 9)
    assert (low, high) == pytest.approx((middle - reach, min(1.0, middle + reach)), abs=1e-4)


@pytest.mark.parametrize("hit", [0, 1])
def test_unanimous_groups_are_not_certainty(hit):
    low, high = intervals.interval_of_share(np.full(20, hit), np.arange(20))
    assert hit in (low, high)
    assert 0.8 < (low if hit else 1 - high) <= 0.025 ** (1 / 20)
    few = intervals.interval_of_share(np.full(2000, hit), np.arange(2000) % 2)
    assert few[1] - few[0] > 0.8


def test_one_group_has_no_interval():
    one, values = np.zeros(30), np.linspace(0, 1, 30)
    truth = np.arange(30) % 2
    assert intervals.interval_of_share(values > 0.5, one) == NONE
    assert intervals.interval_of_mean(values, one) == NONE
    assert intervals.interval_of_r2(values, values**2, one) == NONE
    assert intervals.interval_of_accuracy(values > 0.5, truth, one, balanced=True) == NONE


def test_the_interval_of_a_mean_is_students(rng):
    values = rng.normal(3, 1, 25)
    expected = stats.t.interval(0.95, 24, loc=values.mean(), scale=stats.sem(values))
    assert intervals.interval_of_mean(values, np.arange(25)) == pytest.approx(expected)
    low, high = intervals.interval_of_mean(np.repeat(values, 4), np.repeat(np.arange(25), 4))
    assert (low, high) == pytest.approx(expected)


def test_a_large_group_weighs_no_more_than_it_tells(rng):
    """Two hundred recordings of one machine are one machine."""
    hits = np.r_[np.ones(200), rng.random(60) < 0.5].astype(float)
    groups = np.r_[np.zeros(200), 1 + np.arange(60) // 10]
    low, high = intervals.interval_of_share(hits, groups)
    assert low < 0.5 < hits.mean() <= high


def test_recordings_of_one_group_are_not_independent(rng):
    by_group = rng.random(10) < 0.7
    correct, groups = np.repeat(by_group, 50), np.repeat(np.arange(10), 50)
    truth = np.zeros(500, int)
    low, high = intervals.interval_of_accuracy(correct, truth, groups)
    alone_low, alone_high = intervals.interval_of_accuracy(correct, truth, np.arange(500))
    assert high - low > 4 * (alone_high - alone_low)


def test_the_balanced_interval_weighs_classes_alike(rng):
    truth = np.repeat([0, 1, 2, 3], [200, 20, 20, 20])
    correct = rng.random(260) < np.where(truth == 0, 0.9, 0.4)
    low, high = intervals.interval_of_accuracy(correct, truth, np.arange(260), balanced=True)
    recalls = [correct[truth == c].mean() for c in range(4)]
    assert low < np.mean(recalls) < high
    assert high < correct.mean()


@pytest.mark.parametrize("n_each", [1, 2, 5])
def test_groups_of_one_class_each_keep_their_luck(n_each, rng):
    """A person has one diagnosis: the mean of a class of one person takes that person's luck for the class's own."""
    better = held = 0
    n_groups = 4 * n_each
    for _ in range(400):
        correct, groups = lucky(rng, 0.5, rng.integers(5, 201, n_groups))
        low, high = intervals.interval_of_accuracy(correct, groups % 4, groups, balanced=True)
        better += low > 0.5
        held += low <= 0.5 <= high
    assert better / 400 <= 0.05
    assert held / 400 >= 0.92


@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=12), rate=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_balanced_intervals_hold_the_balanced_accuracy(sizes, rate, seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    correct, truth = rng.random(len(groups)) < rate, rng.integers(0, 3, len(groups))
    low, high = intervals.interval_of_accuracy(correct, truth, groups, balanced=True)
    recall = np.mean([correct[truth == c].mean() for c in np.unique(truth)])
    assert 0 <= low <= recall + 1e-12
    assert recall - 1e-12 <= high <= 1
    renamed = intervals.interval_of_accuracy(correct, 7 - 2 * truth, -groups, balanced=True)
    assert renamed == pytest.approx((low, high))
    one_class = intervals.interval_of_accuracy(correct, np.zeros_like(truth), groups, balanced=True)
    assert one_class == intervals.interval_of_share(correct, groups)


def test_the_interval_of_a_loss_is_skewed_as_losses_are(rng):
    losses = np.abs(rng.standard_normal((6, 30)) * [[0.3], [0.5], [0.4], [0.6], [2.0], [0.5]]).ravel()
    groups = np.repeat(np.arange(6), 30)
    low, high = intervals.interval_of_loss(losses, groups)
    assert 0 < low < losses.mean() < high
    assert high - losses.mean() > losses.mean() - low
    in_mm = intervals.interval_of_loss(1000 * losses, groups)
    assert in_mm == pytest.approx((1000 * low, 1000 * high))
    assert intervals.interval_of_loss(np.zeros(6), np.arange(6)) == (0.0, 0.0)
    assert intervals.interval_of_loss(losses, np.zeros(180)) == NONE


def test_the_interval_of_r2_holds_r2_and_widens_with_groups(rng):
    truth = rng.normal(size=400)
    groups = np.repeat(np.arange(8), 50)
    values = truth + np.repeat(rng.normal(size=8), 50) * 0.7
    low, high = intervals.interval_of_r2(truth, values, groups)
    assert low < metrics.r2_score(truth, values) < high <= 1.0
    alone = intervals.interval_of_r2(truth, values, np.arange(400))
    assert high - low > alone[1] - alone[0]
    assert intervals.interval_of_r2(truth, truth, groups) == (1.0, 1.0)
    assert intervals.interval_of_r2(np.ones(4), np.ones(4), np.arange(4)) == NONE


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=12),
    rate=st.floats(0, 1),
    scale=st.floats(1e-6, 1e6),
    seed=st.integers(0, 2**31),
)
def test_intervals_hold_the_plain_score_and_do_not_depend_on_names_or_units(sizes, rate, scale, seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    hits = rng.random(len(groups)) < rate
    low, high = intervals.interval_of_share(hits, groups)
    assert 0 <= low <= hits.mean() <= high <= 1
    order = rng.permutation(len(groups))
    assert intervals.interval_of_share(hits[order], groups[order].astype(str)) == pytest.approx((low, high))
    values = rng.standard_normal(len(groups))
    found, scaled = intervals.interval_of_mean(values, groups), intervals.interval_of_mean(values * scale, groups)
    assert found[0] <= values.mean() <= found[1]
    assert scaled == pytest.approx((found[0] * scale, found[1] * scale), rel=1e-6, abs=1e-9 * scale)
