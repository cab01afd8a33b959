"""Fits side by side: one BLAS thread each, and no warnings that their threads cause in one another."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

__all__ = ["parallel_fits"]


@contextmanager
def parallel_fits() -> Iterator[None]:
    """Let threads fit models side by side, for the length of a block.

    scikit-learn empties the filters of warnings for a moment in each of its threads. They belong to the whole process:
    another thread then warns that it found none, tree after tree, and whichever thread restores them last decides what
    they are from then on. So what no filter speaks of is ignored meanwhile, and the filters are put back in the end.
    """
    before = warnings.defaultaction  # type: ignore[attr-defined]  # what is done where no filter matches
    with threadpool_limits(1), warnings.catch_warnings():
        # A linear model that stopped early is a candidate like any other: its score says what it is worth.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")  # many classes of few recordings each
        warnings.defaultaction = "ignore"  # type: ignore[attr-defined]
        try:
            yield
        finally:
            warnings.defaultaction = before  # type: ignore[attr-defined]
