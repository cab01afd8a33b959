import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from auricle.evaluation import scores


@pytest.fixture
def predicted_classes(rng):
    truth = rng.integers(0, 4, 300)
    logits = rng.normal(size=(300, 4))
    logits[np.arange(300), truth] += 1.0
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, probabilities, probabilities.argmax(axis=1)


def test_classification_scores_are_those_of_scikit_learn(predicted_classes):
    truth, probabilities, predicted = predicted_classes
    ours = scores.classification(truth, probabilities, predicted)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert ours["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert ours["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))


def test_balanced_accuracy_averages_the_named_classes():
    truth, predicted = np.array(list("aabbn")), np.array(list("aabax"))
    assert scores.balanced_accuracy(truth, predicted) == pytest.approx((1.0 + 0.5 + 0.0) / 3)
    assert scores.balanced_accuracy(truth, predicted, ["a", "b"]) == pytest.approx(0.75)


def test_losses_are_mistakes_or_distances():
    assert scores.losses(np.array(["a", "b"]), np.array(["a", "a"]), is_class=True).tolist() == [0.0, 1.0]
    assert scores.losses(np.array([1.0, 2.0]), np.array([1.5, 0.0]), is_class=False).tolist() == [0.5, 2.0]


def test_calibration_error_of_a_literal_example():
    # Two predictions at 0.9, one correct; two at 0.6, both correct: gaps 0.4 and 0.4, each for half of them.
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


def test_the_interval_of_accuracy_has_its_nominal_coverage(rng):
    covered = 0
    for seed in range(100):
        truth = np.zeros(150, int)
        correct = rng.random(150) < 0.8
        low, high = scores.interval_of_accuracy(correct, truth, np.arange(150), seed=seed)
        covered += low <= 0.8 <= high
    assert 0.89 <= covered / 100 <= 0.99


def test_recordings_of_one_group_are_not_independent(rng):
    by_group = rng.random(10) < 0.7
    correct, groups = np.repeat(by_group, 50), np.repeat(np.arange(10), 50)
    truth = np.zeros(500, int)
    low, high = scores.interval_of_accuracy(correct, truth, groups)
    alone_low, alone_high = scores.interval_of_accuracy(correct, truth, np.arange(500))
    assert high - low > 4 * (alone_high - alone_low)


def test_the_interval_of_flawless_predictions_has_width():
    correct, truth = np.ones(20, bool), np.zeros(20, int)
    low, high = scores.interval_of_accuracy(correct, truth, np.arange(20))
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


def test_the_balanced_interval_of_a_constant_prediction_is_one_over_the_classes():
    truth = np.repeat([0, 1, 2, 3], [200, 20, 20, 20])
    low, high = scores.interval_of_accuracy(truth == 0, truth, np.arange(260), balanced=True)
    assert low == pytest.approx(0.25)
    assert high == pytest.approx(0.25)
    assert scores.baseline(truth) == pytest.approx(200 / 260)
    assert scores.baseline(truth, balanced=True) == 0.25


@pytest.mark.parametrize(
    ("low", "kind", "opening"),
    [(0.21, "better", "Better than guessing: "), (0.2, "no_better", "No better than guessing: ")],
)
def test_the_verdict_follows_the_interval(low, kind, opening):
    tested = {"balanced_accuracy": 0.3, "balanced_accuracy_ci95": [low, 0.4]}
    verdict = scores.verdict(tested, task="classify", recordings="9 recordings", chance_level=0.2)
    assert verdict.kind == kind
    assert verdict.sentence == (
        f"{opening}balanced accuracy 0.30 (95% interval {low:.2f} to 0.40) on 9 recordings; chance level 0.20."
    )


def test_the_verdict_on_a_number_compares_with_the_mean():
    tested = {"r2": 0.1, "ci95": [-0.2, 0.3]}
    verdict = scores.verdict(tested, task="regress", recordings="9 recordings", chance_level=0.0)
    assert verdict.kind == "no_better"
    assert verdict.sentence.startswith("No better than guessing: R² 0.10")
    assert verdict.sentence.endswith("; predicting the mean scores 0.")


@pytest.mark.parametrize(("r2", "ci95"), [(float("nan"), [0.0, 0.1]), (0.5, [float("-inf"), float("inf")])])
def test_a_score_without_an_interval_has_no_verdict(r2, ci95):
    verdict = scores.verdict(
        {"r2": r2, "ci95": ci95, "mae": 2.5}, task="regress", recordings="1 recording", chance_level=0.0
    )
    assert verdict.kind == "cannot_say"
    assert verdict.sentence.startswith("Cannot say ")
    assert verdict.sentence.endswith("on 1 recording; mean absolute error 2.5.")


def test_the_interval_of_a_share_is_wilsons_where_groups_are_recordings():
    low, high = scores.interval_of_share(np.array([1] * 8 + [0] * 2), np.arange(10))
    t2 = 2.2622**2  # Student's quantile with 9 degrees of freedom
    middle, reach = (0.8 + t2 / 18) / (1 + t2 / 9), np.sqrt(t2 * (0.16 / 9 + t2 / 324)) / (1 + t2 / 9)
    assert (low, high) == pytest.approx((middle - reach, min(1.0, middle + reach)), abs=1e-4)


@pytest.mark.parametrize(("n_groups", "size"), [(100, 1), (20, 10), (8, 5)])
def test_the_interval_of_a_share_has_its_nominal_coverage(n_groups, size, rng):
    covered = 0
    for _ in range(300):
        of_group = rng.beta(8, 2, n_groups)
        hits = rng.random((n_groups, size)) < of_group[:, None]
        low, high = scores.interval_of_share(hits.ravel(), np.repeat(np.arange(n_groups), size))
        covered += low <= 0.8 <= high
    assert 0.91 <= covered / 300 <= 1.0


@pytest.mark.parametrize("hit", [0, 1])
def test_unanimous_hits_are_not_certainty(hit):
    low, high = scores.interval_of_share(np.full(20, hit), np.arange(20))
    assert 0.1 < high - low < 0.3
    assert hit in (low, high)


def test_a_single_group_is_split_and_a_single_recording_has_no_interval():
    assert scores.interval_of_share(np.ones(30), np.zeros(30)) == scores.interval_of_share(np.ones(30), np.arange(30))
    assert scores.interval_of_share(np.ones(1), np.zeros(1)) == (0.0, 1.0)
    assert scores.interval_of_mean(np.ones(1), np.zeros(1)) == (float("-inf"), float("inf"))


def test_the_interval_of_a_mean_is_students(rng):
    values = rng.normal(3, 1, 25)
    expected = stats.t.interval(0.95, 24, loc=values.mean(), scale=stats.sem(values))
    assert scores.interval_of_mean(values, np.arange(25)) == pytest.approx(expected)
    low, high = scores.interval_of_mean(np.repeat(values, 4), np.repeat(np.arange(25), 4))
    assert (low, high) == pytest.approx(expected)


def test_coverage_names_the_worst_group_that_is_large_enough():
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
