import numpy as np
import pytest
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


def test_a_constant_prediction_scores_the_baseline():
    truth = np.repeat([0, 1, 2, 3], [200, 20, 20, 20])
    found = scores.classification_intervals(truth, np.zeros(260, int), np.arange(260))
    assert found["balanced_accuracy_ci95"][0] <= 0.25 <= found["balanced_accuracy_ci95"][1]
    assert found["n_groups"] == 260
    assert scores.baseline(truth) == pytest.approx(200 / 260)
    assert scores.baseline(truth, balanced=True) == 0.25


def test_one_group_cannot_say():
    truth = np.arange(30) % 3
    found = scores.classification_intervals(truth, truth, np.zeros(30)) | {"balanced_accuracy": 1.0}
    verdict = scores.verdict(found, task="classify", recordings="30 recordings", chance_level=1 / 3)
    assert verdict.kind == "cannot_say"
    assert verdict.sentence == (
        "Cannot say: all recordings come from one group, and another may sound different (balanced accuracy 1.00 on 30 "
        "recordings)."
    )


def test_a_good_score_of_few_groups_is_said_to_be_too_few():
    tested = {"balanced_accuracy": 0.9, "balanced_accuracy_ci95": [0.1, 1.0], "n_groups": 2}
    verdict = scores.verdict(tested, task="classify", recordings="9 recordings", chance_level=0.2)
    assert verdict.sentence.startswith("No better than guessing as far as 2 groups can show: balanced accuracy 0.90")


def test_scores_that_are_not_defined_are_null_in_json():
    found = {"r2": float("nan"), "ci95": [float("-inf"), 1.0], "mae": 2.0, "worst_group": "b", "n_groups": 1}
    assert scores.scores_as_json(found) == {"r2": None, "ci95": None, "mae": 2.0, "worst_group": "b", "n_groups": 1}
