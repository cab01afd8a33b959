"""Fits outside blocks of recordings: predictions by recording, losses, and warnings in parallel fits."""

import warnings

import pytest

from auricle.training.search.cross_validation import parallel_fits


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
