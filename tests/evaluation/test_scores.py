import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from auricle.evaluation import scores


@pytest.fixture
def answered(rng):
    truth = rng.integers(0, 4, 300)
    logits = rng.normal(size=(300, 4))
    logits[np.arange(300), truth] += 1.0
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, probabilities, probabilities.argmax(axis=1)


def test_classification_scores_are_those_of_scikit_learn(answered):
    truth, probabilities, chosen = answered
    ours = scores.classification(truth, probabilities, chosen)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(truth, chosen))
    assert ours["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, chosen))
    assert ours["macro_f1"] == pytest.approx(metrics.f1_score(truth, chosen, average="macro"))
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))


def test_balanced_accuracy_is_over_the_classes_that_are_named():
    truth, predicted = np.array(list("aabbn")), np.array(list("aabax"))
    assert scores.balanced_accuracy(truth, predicted) == pytest.approx((1.0 + 0.5 + 0.0) / 3)
    assert scores.balanced_accuracy(truth, predicted, ["a", "b"]) == pytest.approx(0.75)


def test_losses_are_mistakes_or_distances():
    assert scores.losses(np.array(["a", "b"]), np.array(["a", "a"]), is_class=True).tolist() == [0.0, 1.0]
    assert scores.losses(np.array([1.0, 2.0]), np.array([1.5, 0.0]), is_class=False).tolist() == [0.5, 2.0]


def test_calibration_error_of_a_literal_example():
    # Two answers at 0.9, one right; two at 0.6, both right: gaps 0.4 and 0.4, each half of the answers.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    got = scores.classification(np.array([0, 1, 0, 0]), probabilities, np.array([0, 0, 0, 0]))
    assert got["ece"] == pytest.approx(0.4)


def test_regression_scores_are_those_of_scikit_learn(rng):
    truth = rng.normal(50, 10, 200)
    values = truth + rng.normal(0, 3, 200)
    ours = scores.regression(truth, values)
    assert ours["r2"] == pytest.approx(metrics.r2_score(truth, values))
    assert ours["mae"] == pytest.approx(metrics.mean_absolute_error(truth, values))
    assert ours["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, values))


def test_the_interval_of_accuracy_covers_the_truth_about_as_often_as_it_says(rng):
    covered = 0
    for seed in range(200):
        truth = np.zeros(150, int)
        right = rng.random(150) < 0.8
        low, high = scores.interval_of_accuracy(right, truth, np.arange(150), seed=seed)
        covered += low <= 0.8 <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_recordings_of_one_group_do_not_count_as_many(rng):
    by_group = rng.random(10) < 0.7
    right, groups = np.repeat(by_group, 50), np.repeat(np.arange(10), 50)
    truth = np.zeros(500, int)
    low, high = scores.interval_of_accuracy(right, truth, groups)
    alone_low, alone_high = scores.interval_of_accuracy(right, truth, np.arange(500))
    assert high - low > 4 * (alone_high - alone_low)


def test_flawless_answers_still_leave_doubt():
    right, truth = np.ones(20, bool), np.zeros(20, int)
    low, high = scores.interval_of_accuracy(right, truth, np.arange(20))
    assert high == 1.0
    assert low == pytest.approx(0.025 ** (1 / 20))


def test_the_interval_of_r2_holds_r2_and_widens_with_groups(rng):
    truth = rng.normal(size=400)
    groups = np.repeat(np.arange(8), 50)
    values = truth + np.repeat(rng.normal(size=8), 50) * 0.7
    low, high = scores.interval_of_r2(truth, values, groups)
    assert low < metrics.r2_score(truth, values) < high
    alone = scores.interval_of_r2(truth, values, np.arange(400))
    assert high - low > alone[1] - alone[0]


def test_the_balanced_interval_of_a_constant_answer_is_one_over_the_classes():
    truth = np.repeat([0, 1, 2, 3], [200, 20, 20, 20])
    low, high = scores.interval_of_accuracy(truth == 0, truth, np.arange(260), balanced=True)
    assert low == pytest.approx(0.25)
    assert high == pytest.approx(0.25)
    assert scores.baseline(truth) == pytest.approx(200 / 260)
    assert scores.baseline(truth, balanced=True) == 0.25


@pytest.mark.parametrize(("low", "says"), [(0.21, "Better than guessing"), (0.2, "no better than guessing")])
def test_the_verdict_follows_the_interval(low, says):
    tested = {"balanced_accuracy": 0.3, "balanced_accuracy_ci95": [low, 0.4]}
    assert says in scores.verdict(tested, task="classify", n_recordings=9, n_groups=9, chance_level=0.2)


def test_the_verdict_on_a_number_compares_with_the_mean():
    tested = {"r2": 0.1, "ci95": [-0.2, 0.3]}
    assert "no better than guessing" in scores.verdict(tested, task="regress", n_recordings=9, n_groups=9, chance_level=0.0)


def test_the_interval_of_a_share_is_wilsons_where_groups_are_recordings():
    low, high = scores.interval_of_share(np.array([1] * 8 + [0] * 2), np.arange(10))
    t2 = 2.2622**2  # Student's quantile with 9 degrees of freedom
    middle, reach = (0.8 + t2 / 18) / (1 + t2 / 9), np.sqrt(t2 * (0.16 / 9 + t2 / 324)) / (1 + t2 / 9)
    assert (low, high) == pytest.approx((middle - reach, min(1.0, middle + reach)), abs=1e-4)


@pytest.mark.parametrize(("n_groups", "size"), [(100, 1), (20, 10), (8, 5)])
def test_the_interval_of_a_share_covers_the_truth_about_as_often_as_it_says(n_groups, size, rng):
    covered = 0
    for _ in range(300):
        of_group = rng.beta(8, 2, n_groups)
        hits = rng.random((n_groups, size)) < of_group[:, None]
        low, high = scores.interval_of_share(hits.ravel(), np.repeat(np.arange(n_groups), size))
        covered += low <= 0.8 <= high
    assert 0.91 <= covered / 300 <= 1.0


@pytest.mark.parametrize("hit", [0, 1])
def test_no_doubt_in_sight_is_not_certainty(hit):
    low, high = scores.interval_of_share(np.full(20, hit), np.arange(20))
    assert 0.1 < high - low < 0.3
    assert hit in (low, high)


def test_one_group_is_taken_apart_and_one_recording_says_nothing():
    assert scores.interval_of_share(np.ones(30), np.zeros(30)) == scores.interval_of_share(np.ones(30), np.arange(30))
    assert scores.interval_of_share(np.ones(1), np.zeros(1)) == (0.0, 1.0)
    assert scores.interval_of_mean(np.ones(1), np.zeros(1)) == (float("-inf"), float("inf"))


def test_the_interval_of_a_mean_is_students(rng):
    values = rng.normal(3, 1, 25)
    expected = stats.t.interval(0.95, 24, loc=values.mean(), scale=stats.sem(values))
    assert scores.interval_of_mean(values, np.arange(25)) == pytest.approx(expected)
    low, high = scores.interval_of_mean(np.repeat(values, 4), np.repeat(np.arange(25), 4))
    assert (low, high) == pytest.approx(expected)


def test_coverage_names_the_worst_of_the_groups_that_say_something():
    covered = np.array([True] * 18 + [False] * 2 + [False])
    groups = np.array(["a"] * 10 + ["b"] * 10 + ["c"])
    found = scores.coverage(covered, np.full(21, 2.0), groups, is_class=True)
    assert found == {
        "coverage": pytest.approx(18 / 21),
        "set_size": 2.0,
        "coverage_worst_group": 0.8,
        "worst_group": "b",
    }
    alone = scores.coverage(covered, np.full(21, 3.0), np.arange(21).astype(str), is_class=False)
    assert alone == {"coverage": pytest.approx(18 / 21), "interval_width": 3.0}
