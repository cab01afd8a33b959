"""What a user need not decide: the rate and window of the features, and where scores are taken."""

from typing import Literal

import numpy as np

from auricle.datasets.dataset import Dataset
from auricle.datasets.headers import Headers
from auricle.datasets.splits import check, folds_of, hold_out
from auricle.datasets.times import blocks_by_time
from auricle.errors import SplitError, UsageError
from auricle.features.spec import FeatureSpec, default_spec
from auricle.training.search.cross_validation import SplitPlan

__all__ = ["LONGEST_WINDOW_S", "SPLITS", "Split", "choose_spec", "split_plan"]

Split = Literal["group", "time"]
SPLITS: tuple[Split, ...] = ("group", "time")

MAX_RATE_HZ = 22_050
LONGEST_WINDOW_S = 10.0
CUT_WINDOW_S = 5.0


def choose_spec(survey: Headers, *, window_s: float | Literal["auto"] = "auto") -> FeatureSpec:
    """Return the spec for a data set.

    The rate is the lowest of its recordings', at most 22,050 Hz: at any higher rate, what is missing from the others
    would tell them apart. The window is the longest recording up to 10 s, so that a clip is one window; recordings
    longer than that are cut into windows of 5 s.
    Where no recording could be opened, decoding will say so of each.
    """
    spec = default_spec(int(survey.rate_hz.min(initial=MAX_RATE_HZ)))
    if window_s == "auto":
        known = survey.duration_s[np.isfinite(survey.duration_s)]
        longest_s = float(known.max()) if known.size else LONGEST_WINDOW_S
        # Rounded up to the millisecond, so that the resampled longest clip is not cut for one sample.
        window_s = np.ceil(longest_s * 1000 + 1) / 1000 if longest_s <= LONGEST_WINDOW_S else CUT_WINDOW_S
    return FeatureSpec(**{**spec.model_dump(), "window_s": max(float(window_s), spec.n_fft / spec.rate_hz)})


def split_plan(
    dataset: Dataset, *, tune: str = "none", split: Split = "group", n_folds: int = 5, seed: int = 0
) -> SplitPlan:
    """Return where scores are taken.

    Published folds, and folds of groups where nothing is tuned, are each tested in their turn, with the whole choice
    repeated without them. A search of settings holds one fifth of the groups out, and searches in folds of the rest.
    A split by time holds out the latest fifth of the recordings, and searches in consecutive stretches of the past.

    Raises
    ------
    SplitError : groups, folds or times that cannot be split without a leak
    UsageError : an unknown split, or one by time where published folds were asked for
    """
    if split not in SPLITS:
        raise UsageError(f"`split` must be among {', '.join(SPLITS)}. Got {split!r}.")
    if split == "time":
        if dataset.folds is not None:
            raise UsageError("`split` by time and published folds (`fold`) contradict each other. Choose one.")
        check(dataset)
        words = f"on the latest {1 / n_folds:.0%} of the recordings, everything chosen and learned from the past"
        return _differing(dataset, SplitPlan(blocks_by_time(dataset, n_folds), (0,), words))
    if dataset.folds is not None or tune == "none":
        folds = folds_of(dataset, n_folds=n_folds, seed=seed)
        blocks = np.empty(len(dataset.examples), np.intp)
        for index, fold in enumerate(folds):
            blocks[fold.test] = index
        kind = "published folds" if dataset.folds is not None else "folds of whole groups"
        words = f"by {len(folds)} {kind}, the choice of model repeated in each"
        return SplitPlan(blocks, tuple(range(len(folds))), words)
    outer = hold_out(dataset, fraction=1 / n_folds, seed=seed)
    blocks = np.zeros(len(dataset.examples), np.intp)
    for index, fold in enumerate(folds_of(dataset.subset(outer.train), n_folds=n_folds, seed=seed), 1):
        blocks[outer.train[fold.test]] = index
    words = f"on one held-out fifth of the groups, the search made in {blocks.max()} folds of the rest"
    return _differing(dataset, SplitPlan(blocks, (0,), words))


def _differing(dataset: Dataset, split_plan: SplitPlan) -> SplitPlan:
    """Refuse a hold-out that no score can be taken on."""
    held_out = dataset.targets[np.isin(split_plan.blocks, split_plan.tested)]
    if dataset.task == "regress" and np.ptp(held_out) == 0:
        raise SplitError(
            f"{dataset.source}: the numbers that are held out must differ, to be scored. All {len(held_out)} are "
            f"{held_out[0]:g}: name a finer group, or publish folds (`fold`)."
        )
    return split_plan
