"""Fits outside blocks of recordings: predictions by recording, losses, and warnings in parallel fits."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from auricle.evaluation.scores import accuracy, balanced_accuracy
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import FoldFits, HeldOutPredictions, class_losses, parallel_fits
from auricle.training.search.training_data import TrainingData


def test_warnings_without_a_filter_are_ignored_in_parallel_fits() -> None:
    filters, action = list(warnings.filters), warnings.defaultaction

    with warnings.catch_warnings(record=True) as warned, parallel_fits():
        warnings.resetwarnings()  # as scikit-learn does in each thread, before it sets the filters that it was given
        warnings.warn("`delayed` should be used with `Parallel`", UserWarning, stacklevel=1)

    assert warned == []
    assert warnings.filters == filters
    assert warnings.defaultaction == action


def test_warnings_with_a_filter_are_shown_in_parallel_fits() -> None:
    with parallel_fits(), pytest.warns(UserWarning, match="shown"):
        warnings.warn("shown", UserWarning, stacklevel=1)


def test_predictions_by_recording_are_means_of_windows() -> None:
    values = np.array([[1.0], [3.0], [5.0]])
    recordings, means = HeldOutPredictions(np.arange(3), np.array([4, 4, 2]), values).by_recording()
    np.testing.assert_array_equal(recordings, [2, 4])
    np.testing.assert_array_equal(means, [[5.0], [2.0]])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_class_losses_average_to_1_less_the_accuracy(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    assert 1 - class_losses(truth, predicted, is_balanced=False).mean() == pytest.approx(accuracy(truth, predicted))
    balanced = 1 - class_losses(truth, predicted, is_balanced=True).mean()
    assert balanced == pytest.approx(balanced_accuracy(truth, predicted))


@pytest.fixture
def fits(rng: np.random.Generator) -> FoldFits:
    truth = np.arange(24) % 2
    rows = (rng.normal(size=(48, 3)) + 2.0 * np.repeat(truth, 2)[:, None]).astype(np.float32)
    data = TrainingData(rows, np.repeat(np.arange(24), 2), truth, ("a", "b"))
    fits = FoldFits({None: data}, np.arange(24) // 2 % 3, workers=1)
    fits.add(Candidate("linear", LogisticRegression()))
    return fits


def test_a_fit_predicts_the_blocks_that_it_holds_out(fits: FoldFits) -> None:
    excluded = frozenset({0, 2})
    fits.run([(0, excluded)])
    assert fits.has_run(0, excluded)
    recordings, values = fits.recording_predictions(((0, 1.0),), [(excluded, 0), (excluded, 2)])
    np.testing.assert_array_equal(recordings, np.flatnonzero(fits.blocks != 1))
    assert (values.argmax(axis=1) == fits.truth[recordings]).mean() > 0.8


def test_a_fit_runs_once(fits: FoldFits, monkeypatch: pytest.MonkeyPatch) -> None:
    job = (0, frozenset({0}))
    fits.run([job, job])
    monkeypatch.setattr(FoldFits, "_fit", lambda *_: pytest.fail("it ran again"))
    fits.run([job])
    assert fits.mean_fit_s(0) > 0


def test_a_process_gets_the_rows_of_its_fits_and_no_predictions(fits: FoldFits) -> None:
    job = (0, frozenset({0}))
    fits.run([job])
    sent = pickle.loads(pickle.dumps(fits))  # noqa: S301  (made here)
    assert not sent.has_run(*job)
    sent.run([job])
    for mine, theirs in zip(
        fits.recording_predictions(((0, 1.0),), [(job[1], 0)]),
        sent.recording_predictions(((0, 1.0),), [(job[1], 0)]),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
