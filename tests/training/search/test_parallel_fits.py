"""Fits side by side say nothing of what their threads do to one another, and leave warnings as they were."""

import warnings

import pytest

from auricle.training.search.parallel_fits import parallel_fits


def test_what_is_warned_while_another_thread_holds_the_filters_is_not_told() -> None:
    filters, action = list(warnings.filters), warnings.defaultaction

    with warnings.catch_warnings(record=True) as told, parallel_fits():
        warnings.resetwarnings()  # as scikit-learn does in each thread, before it sets the filters that it was given
        warnings.warn("`delayed` should be used with `Parallel`", UserWarning, stacklevel=1)

    assert told == []
    assert warnings.filters == filters
    assert warnings.defaultaction == action


def test_other_warnings_are_told() -> None:
    with parallel_fits(), pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)
