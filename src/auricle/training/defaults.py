"""Defaults of a training: the sample rate and window length of the features, and the split that scores are taken on."""

from typing import Literal

import numpy as np

from auricle.datasets.dataset import Dataset
from auricle.datasets.headers import Headers
from auricle.datasets.splits import FEW_GROUPS, assign, check, folds_of, hold_out
from auricle.datasets.times import blocks_by_time
from auricle.errors import SplitError, UsageError
from auricle.features.spec import FeatureSpec, default_spec
from auricle.training.search.cross_validation import SplitPlan

__all__ = ["MAX_WINDOW_S", "SPLITS", "Split", "choose_spec", "choose_split"]

Split = Literal["group", "time"]
SPLITS: tuple[Split, ...] = ("group", "time")

MIN_HELD_OUT = 5
"""Fewest groups that a search of settings holds out at once; an interval over fewer would say little."""

MAX_WINDOW_S = 10.0
"""Longest recording that is one window by default."""
CUT_WINDOW_S = 5.0
"""Default window of longer recordings."""


def choose_spec(
    headers: Headers,
    rate_hz: int,
    *,
    window_s: float | Literal["auto"] = "auto",
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> FeatureSpec:
    """Return the feature spec for a data set.

    The window is the longest recording up to 10 s, so that a clip is one window; longer recordings are cut into windows
    of 5 s. Files that do not open are ignored here; decoding reports them.

    Parameters
    ----------
    headers : Headers
    rate_hz : int
        Sample rate, as `choose_rate` chooses it.
    window_s : float or "auto"
        Length of a window.
    fmin_hz, fmax_hz : float
        Band of the mel features; half of the rate for None.

    Raises
    ------
    UsageError : a band or window that the rate cannot have
    """
    spec = default_spec(rate_hz, fmin_hz=fmin_hz, fmax_hz=fmax_hz)
    if window_s == "auto":
        known_s = headers.duration_s[np.isfinite(headers.duration_s)]
        longest_s = float(known_s.max()) if known_s.size else MAX_WINDOW_S
        # Rounded up to the millisecond, so that the resampled longest clip is not cut for one sample.
        window_s = np.ceil(longest_s * 1000 + 1) / 1000 if longest_s <= MAX_WINDOW_S else CUT_WINDOW_S
    return FeatureSpec(**{**spec.model_dump(), "window_s": max(float(window_s), spec.n_fft / spec.rate_hz)})


def choose_split(
    dataset: Dataset, *, tune: str = "none", split: Split = "group", n_folds: int = 5, seed: int = 0
) -> SplitPlan:
    """Return the blocks of recordings that are held out for scores.

    Published folds, and folds of groups where nothing is tuned or there are few, are each tested in turn, and the
    choice of model is repeated without each: a score on one of six speakers would say little about the next. A search
    of settings over many groups holds out one fifth of them, and searches in folds of the rest.
    A split by time holds out the latest fifth of the recordings, and searches in consecutive stretches of the past.

    Raises
    ------
    SplitError : groups, folds or times that cannot be split without a leak
    UsageError : an unknown split, or a split by time of a data set with published folds
    """
    if split not in SPLITS:
        raise UsageError(f"`split` must be among {', '.join(SPLITS)}. Got {split!r}.")
    if split == "time":
        if dataset.folds is not None:
            raise UsageError("`split` by time and published folds (`fold`) contradict each other. Choose one.")
        check(dataset)
        protocol = f"on the latest {1 / n_folds:.0%} of the recordings, everything chosen and learned from the past"
        return _with_varied_targets(dataset, SplitPlan(blocks_by_time(dataset, n_folds), (0,), protocol))
    n_groups = np.unique(dataset.groups).size
    if dataset.folds is not None or tune == "none" or n_groups < MIN_HELD_OUT * n_folds:
        if dataset.folds is None and tune != "none" and n_groups >= FEW_GROUPS:  # one by one would take too many fits
            check(dataset)
            blocks = assign(dataset.labels if dataset.classes else dataset.targets, dataset.groups, n_folds, seed)
        else:
            blocks = np.empty(len(dataset.examples), np.intp)
            for index, fold in enumerate(folds_of(dataset, n_folds=n_folds, seed=seed)):
                blocks[fold.test] = index
        n_blocks = int(blocks.max()) + 1
        kind = "published folds" if dataset.folds is not None else "folds of whole groups"
        choice = "repeated in each" if n_blocks > 2 else "made on the same two"
        return SplitPlan(blocks, tuple(range(n_blocks)), f"by {n_blocks} {kind}, the choice of model {choice}")
    outer = hold_out(dataset, fraction=1 / n_folds, seed=seed)
    blocks = np.zeros(len(dataset.examples), np.intp)
    for index, fold in enumerate(folds_of(dataset.subset(outer.train), n_folds=n_folds, seed=seed), 1):
        blocks[outer.train[fold.test]] = index
    protocol = f"on one held-out fifth of the groups, the search made in {blocks.max()} folds of the rest"
    return _with_varied_targets(dataset, SplitPlan(blocks, (0,), protocol))


def _with_varied_targets(dataset: Dataset, plan: SplitPlan) -> SplitPlan:
    """Return the plan; raise SplitError where the targets held out are all equal, since R² is then undefined."""
    held_out = dataset.targets[np.isin(plan.blocks, plan.tested)]
    if dataset.task == "regress" and np.ptp(held_out) == 0:
        raise SplitError(
            f"{dataset.source}: the held-out targets must differ to be scored. All {len(held_out)} are "
            f"{held_out[0]:g}: name a finer group, or publish folds (`fold`)."
        )
    return plan
