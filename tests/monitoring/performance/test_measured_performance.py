"""Performance with labels: scores, label selection, and label delay."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.performance.measured_performance import measured_performance

pytest.importorskip("river")
START = np.datetime64("2026-03-01", "us")


def timed(sample, lag_h=24):
    times = START + np.arange(len(sample)) * np.timedelta64(1, "h")
    return replace(sample, times=times, label_times=times + np.timedelta64(lag_h, "h"))


def test_without_labels_nothing_is_measured(make_sample, unlabelled):
    assert measured_performance(make_sample(50), unlabelled(make_sample(50, 1))) is None


def test_score_coverage_and_lag(make_sample):
    window = timed(make_sample(200, 1))
    some = replace(window, truth=np.where(np.arange(200) < 80, window.truth, ""))
    found = measured_performance(make_sample(300), some)
    assert (found.n, found.coverage, found.lag_s) == (80, 0.4, 24 * 3600)
    assert found.value == pytest.approx(window.is_correct[:80].mean(), abs=0.02)
    assert found.interval[0] < found.value < found.interval[1]
    assert len(found.parts) == 4
    assert not found.is_worse


def test_fully_labelled_window_gives_plain_accuracy(make_sample):
    window = make_sample(200, 1)
    assert measured_performance(make_sample(300), window).value == pytest.approx(window.is_correct.mean(), abs=1e-6)


@pytest.mark.parametrize("seed", range(1, 6))
def test_labels_of_uncertain_predictions_do_not_bias_the_score(make_sample, seed):
    window = make_sample(600, seed)
    doubtful = np.argsort(window.confidence)[:150]
    labelled = np.concatenate([doubtful, np.random.default_rng(seed).permutation(600)[:30]])
    truth = np.where(np.isin(np.arange(600), labelled), window.truth, "")
    found = measured_performance(make_sample(600), replace(window, truth=truth))
    low, high = found.interval
    assert window.is_correct[labelled].mean() < low < window.is_correct.mean() < high
    assert not found.is_worse
    assert not found.concept.is_found


def test_worse_model_is_found_by_labels_of_uncertain_predictions(make_sample):
    window = make_sample(600, 1)
    truth = np.where(np.arange(600) % 2 == 0, "cow", window.truth)
    truth[np.argsort(window.confidence)[200:]] = ""
    found = measured_performance(make_sample(600), replace(window, truth=truth))
    assert found.is_worse


def test_worse_model_is_found(make_sample):
    window = timed(make_sample(200, 1))
    wrong = np.where(np.arange(200) % 2 == 0, "cow", window.truth)
    found = measured_performance(make_sample(300), replace(window, truth=wrong))
    assert found.is_worse
    assert found.value < found.reference


def test_few_labels_are_counted_only(make_sample):
    window = make_sample(60, 1)
    found = measured_performance(make_sample(300), replace(window, truth=np.where(np.arange(60) < 5, "nothing", "")))
    assert found.n == 5
    assert not found.is_judged
    assert not found.is_worse


def test_labels_not_seen_in_training_are_errors(make_sample):
    window = make_sample(60, 1)
    found = measured_performance(
        make_sample(300), replace(window, truth=np.array(["owl"] * 30 + window.truth.tolist()[30:]))
    )
    assert found.unheard == {"owl": 30}
    assert found.value < 0.6


@pytest.mark.parametrize("seed", range(5))
def test_table_sorted_by_class_is_no_concept_drift(make_sample, seed):
    """Half the classes are hard: among recordings without times, those that happen to come last."""

    def hard_last(sample):
        hard = sample.truth == "dog"
        probabilities = sample.outputs.copy()
        probabilities[hard] = np.random.default_rng(len(sample)).permuted(probabilities[hard], axis=1)
        return replace(sample, outputs=probabilities).subset(np.argsort(sample.truth, kind="stable"))

    found = measured_performance(hard_last(make_sample(400)), hard_last(make_sample(300, 1 + seed)), seed=seed)
    assert found is not None
    assert not found.concept.is_found


def numbers(sample, *, unit=1.0, errors=1.0):
    """Turn a sample into predictions of numbers in a unit, whose error grows with novelty."""
    rng = np.random.default_rng(len(sample))
    truth = rng.uniform(0, 1, len(sample))
    answer = truth + errors * (0.01 + 0.1 * sample.novelty**2) * rng.standard_normal(len(sample))
    return replace(sample, classes=(), outputs=(unit * answer)[:, None].astype(np.float32), truth=unit * truth)


@pytest.mark.parametrize("seed", range(1, 6))
def test_labels_from_the_top_of_the_review_queue_make_no_regressor_worse(make_sample, seed):
    reference, window = numbers(make_sample(300)), numbers(make_sample(400, seed))
    top = np.isin(np.arange(400), np.argsort(-window.novelty)[:60])
    found = measured_performance(reference, replace(window, truth=np.where(top, window.truth, np.nan)))
    assert window.losses[top].mean() > 1.5 * reference.losses.mean()
    assert not found.is_worse
    assert not found.concept.is_found
    assert found.calibration is None


def test_what_is_found_of_numbers_does_not_depend_on_the_unit(make_sample):
    found = [
        measured_performance(numbers(make_sample(300), unit=unit), numbers(make_sample(200, 1), unit=unit, errors=3.0))
        for unit in (1.0, 1000.0)
    ]
    assert all(one.is_worse and one.concept.is_found for one in found)
    assert found[0].concept.label == found[1].concept.label
    assert found[0].p_worse == pytest.approx(found[1].p_worse, rel=0.01)


def test_the_rate_of_the_check_reaches_the_tests_with_labels(make_sample):
    window = make_sample(100, 1)
    worse = replace(window, truth=np.where(np.arange(100) % 7 == 0, "cow", window.truth))
    reference = make_sample(300)
    strict, lenient = (measured_performance(reference, worse, rate=rate) for rate in (1e-6, 0.9))
    assert (strict.rate, lenient.rate) == (pytest.approx(1e-7), pytest.approx(0.09))
    assert not strict.is_worse
    assert lenient.p_worse == pytest.approx(strict.p_worse, abs=0.05)


def test_unchanged_windows_with_few_labels_rarely_seem_worse(make_sample):
    reference = make_sample(300)
    p = []
    for seed in range(1, 61):
        window = make_sample(200, seed)
        p.append(
            measured_performance(
                reference, replace(window, truth=np.where(np.arange(200) < 50, window.truth, ""))
            ).p_worse
        )
    assert (np.array(p) <= 0.05).mean() <= 0.12
    assert min(p) > 0.001


def test_dependent_labels_are_worth_less(make_sample):
    window = make_sample(200, 1)
    wrong = np.isin(np.arange(200) // 25, (1, 5))
    worse = replace(window, truth=np.where(wrong, "owl", window.truth))
    by_machine = replace(worse, groups=(np.arange(200) // 25).astype(str))
    alone, grouped = (measured_performance(make_sample(300), one) for one in (worse, by_machine))
    assert alone.p_worse < grouped.p_worse


def test_few_sources_that_err_apart_are_no_alarm(make_sample):
    """The same errors are significant where every recording is independent, and not where they are of two machines."""
    window = make_sample(200, 1)
    wrong = np.arange(200) % 20 < 4
    worse = replace(window, truth=np.where(wrong, "owl", window.truth))
    few, many = (replace(worse, groups=groups.astype(str)) for groups in (np.arange(200) % 20 // 10, np.arange(200)))
    few, many = (measured_performance(make_sample(300), one) for one in (few, many))
    assert many.is_worse
    assert not few.is_worse
    assert few.value == many.value
