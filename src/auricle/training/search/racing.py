"""The field of a search: who runs on which blocks, who is beaten, and what a budget leaves out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.features.pipeline import IMAGE
from auricle.training.search.candidates import Candidate, blended
from auricle.training.search.cross_validation import EnsembleWeights, Excluded, FoldFits, HeldOutFold, SplitPlan

__all__ = [
    "CLEARLY",
    "CandidateRace",
    "Explore",
    "Trial",
    "TrialStatus",
    "candidate_of",
    "is_beaten",
    "rounds",
    "without",
]


N_TRIED_FIRST = 2
"""Rounds of blocks that every candidate runs before the beaten ones drop out."""

TrialStatus = Literal["compared", "beaten", "selected on", "too dear"]
"""What became of a candidate: compared on every block; beaten on the first ones; compared, but too dear to be nested,
so that its score was selected on; or not tried, because the budget was spent."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """How one candidate did.

    Parameters
    ----------
    score : by recording, over the blocks that it ran; NaN where it was not tried
    deviation : between blocks
    fit_s : seconds a fit
    """

    candidate: Candidate
    score: float
    deviation: float
    fit_s: float
    fate: TrialStatus = "compared"


Explore = Callable[[FoldFits, list[HeldOutFold], str], list[int]]
"""Proposes candidates to the fits, judges them by given sources under a name, and returns those worth comparing."""


class CandidateRace:
    """The candidates of a search as they race: who still runs for which tested block."""

    def __init__(self, fits: FoldFits, plan: SplitPlan, *, race: bool, deadline: float | None) -> None:
        blocks = [int(block) for block in np.unique(plan.blocks)]
        self.inner = {t: [(without(t, j), j) for j in blocks if j != t] for t in plan.tested}
        self.outer = {t: [(without(t), t)] for t in plan.tested}
        self.racing: dict[int, list[int]] = {t: [] for t in plan.tested}
        self.flat: set[int] = set()
        self.explored: set[int] = set()
        self.fits, self._plan, self._race, self._deadline = fits, plan, race, deadline
        self._rounds = [[pair for pair in pairs if set(pair) & set(plan.tested)] for pairs in rounds(blocks)]
        self._fates: dict[int, TrialStatus] = {}

    def run(self, batch: Sequence[Candidate], *, workers: int) -> None:
        """Let candidates race side by side, as far as the budget allows."""
        entered = [self.fits.add(candidate) for candidate in batch]
        if self._plan.is_nested:
            for index in filter(self._is_dear, entered):
                is_tried = self._deadline is None or index == 0 or self._has_time_for(index, workers)
                self._fates[index] = "selected on" if is_tried else "too dear"
                self.flat |= {index} if is_tried else set()
            entered = [index for index in entered if not self._is_dear(index)]
        if not entered:
            return
        if self._deadline is not None and entered != [0]:
            entered = [index for index in entered if self._is_affordable(index, workers)]
        for t in self.racing:
            self.racing[t] += entered
        self._run(self._rounds[:N_TRIED_FIRST], entered)
        if self._race:
            for t in self.racing:
                self.racing[t] = self._unbeaten(t, entered)
        self._run(self._rounds[N_TRIED_FIRST:], entered)

    def explore(self, explore: Explore) -> None:
        """Let candidates be found for each tested block by itself, and for the final choice."""
        for t in self.racing:
            self.racing[t] += explore(self.fits, self.inner[t], f"without block {t}")
        if self._plan.is_nested:
            self.explored = set(explore(self.fits, [s for t in self.outer for s in self.outer[t]], "final"))

    def trials(self, chosen: EnsembleWeights, compared: list[HeldOutFold]) -> tuple[Trial, ...]:
        """Tell how every candidate did, and the blend that was chosen."""
        singles: list[EnsembleWeights] = [((index, 1.0),) for index in range(len(self.fits.candidates))]
        return tuple(self._trial(mix, compared) for mix in (singles if len(chosen) == 1 else [*singles, chosen]))

    def _is_affordable(self, index: int, workers: int) -> bool:
        """Whether there is time to race a candidate; where there is time to compare it only, it does not race."""
        assert self._deadline is not None  # noqa: S101  (asked under a budget only)
        if time.perf_counter() >= self._deadline:
            self._fates[index] = "too dear"
            return False
        if self._is_dear(index) and not self._has_time_for(index, workers):
            self._fates[index] = "too dear"
            return False
        first = next(pair for pairs in self._rounds for pair in pairs)
        self.fits.make([(index, without(*first))])
        left = self._deadline - time.perf_counter()
        n_blocks = len(np.unique(self._plan.blocks))
        n_fits = sum(map(len, self._rounds)) + len(self._plan.tested) - 1
        fit_s = self.fits.seconds(index) / min(workers, n_blocks)
        if n_fits * fit_s <= left:
            return True
        if self._plan.is_nested and n_blocks * fit_s <= left:
            self._fates[index] = "selected on"
            self.flat.add(index)
            return False
        self._fates[index] = "too dear"
        return False

    def _is_dear(self, index: int) -> bool:
        """Whether a candidate is a network: one fit is then dear, and a fit for every pair of blocks out of reach."""
        return IMAGE in self.fits.candidates[index].parts

    def _has_time_for(self, index: int, workers: int) -> bool:
        """Whether there is time to fit a network without each block, by what it says that one fit would take."""
        assert self._deadline is not None  # noqa: S101  (asked under a budget only)
        n_blocks = len(np.unique(self._plan.blocks))
        left = self._deadline - time.perf_counter()
        return left > 0 and self.fits.estimate_fit_s(index) * -(-n_blocks // min(workers, n_blocks)) <= left

    def _run(self, pairs: list[list[tuple[int, int]]], entered: list[int]) -> None:
        self.fits.make(
            (index, without(*pair))
            for index in entered
            for some in pairs
            for pair in some
            if any(index in self.racing[t] for t in pair if t in self.racing)
        )

    def _unbeaten(self, t: int, entered: list[int]) -> list[int]:
        met = [j for pairs in self._rounds[:N_TRIED_FIRST] for pair in pairs if t in pair for j in pair if j != t]
        sources = [(without(t, j), j) for j in met]
        losses = {index: self.fits.losses(((index, 1.0),), sources) for index in self.racing[t]}
        best = min(losses.values(), key=lambda loss: float(loss.mean()))
        return [index for index in losses if index not in entered or not is_beaten(losses[index], best)]

    def _trial(self, mix: EnsembleWeights, compared: list[HeldOutFold]) -> Trial:
        index = mix[0][0]
        candidate = candidate_of(self.fits, mix)
        ran = [source for source in compared if all(self.fits.has(member, source[0]) for member, _ in mix)]
        fate = self._fates.get(index, "compared") if len(mix) == 1 else "compared"
        if fate == "selected on" and len(self.fits.candidates) == 1:
            fate = "compared"  # there was nothing to select
        if not ran and fate == "compared":  # it dropped out for every tested block
            fate = "beaten"
            ran = [source for t in self.inner for source in self.inner[t] if self.fits.has(index, source[0])]
        if not ran or fate == "too dear":
            return Trial(candidate, float("nan"), float("nan"), float("nan"), fate="too dear")
        by_block = [self.fits.score(mix, [source]) for source in ran]
        fit_s = sum(self.fits.seconds(member) for member, _ in mix)
        if len(ran) < len(compared) and fate == "compared":
            fate = "beaten"
        return Trial(candidate, self.fits.score(mix, ran), float(np.std(by_block)), fit_s, fate=fate)


def without(*blocks: int) -> Excluded:
    """Return what a fit leaves out."""
    return frozenset(blocks)


def candidate_of(fits: FoldFits, mix: EnsembleWeights) -> Candidate:
    """Return a mix as one candidate: itself, or the blend of its members."""
    members = [(fits.candidates[index], weight) for index, weight in mix]
    return (
        members[0][0]
        if len(members) == 1
        else blended(members, fits.table(mix[0][0]).width, is_classifier=bool(fits.n_classes))
    )


CLEARLY = 0.05
"""How far behind, in accuracy or R², a candidate must be to drop out: nearer ones may still serve in a blend."""

_DEVIATIONS = 3.0  # of the mean difference between recordings: many candidates are compared, and early


def rounds(blocks: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Pair every block with every other once, in rounds in which each block meets at most one other.

    Source: the circle method of round-robin tournaments.
    """
    circle: list[int | None] = [*blocks, *([None] if len(blocks) % 2 else [])]
    half, found = len(circle) // 2, []
    for _ in range(len(circle) - 1):
        pairs = zip(circle[:half], reversed(circle[half:]), strict=True)
        found.append([(a, b) for a, b in pairs if a is not None and b is not None])
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return found


def is_beaten(losses: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether a candidate that lost so much on each recording, shape (n,), is clearly behind one that lost ``best``.

    Source: racing; Maron and Moore (1994), "Hoeffding races", with the deviation of paired differences as the bound.
    """
    behind = losses - best
    mean = float(behind.mean())
    return mean > CLEARLY and mean > _DEVIATIONS * float(behind.std(ddof=1) / np.sqrt(len(behind)))
