"""Racing: run candidates on pairs of blocks, drop those clearly beaten, and skip those that exceed the budget."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.features.pipeline import IMAGE
from auricle.training.search.candidates import Candidate, blend_candidates
from auricle.training.search.cross_validation import EnsembleWeights, FoldFits, HeldOutFold, SplitPlan

__all__ = ["MIN_DEFICIT", "CandidateRace", "Explore", "Trial", "TrialStatus", "is_beaten", "round_robin"]

N_FIRST_ROUNDS = 2
"""Rounds of blocks that every candidate runs before the beaten ones are dropped."""

MIN_DEFICIT = 0.05
"""Least deficit, in accuracy or R², at which a candidate is dropped: nearer ones may still serve in a blend."""

_N_DEVIATIONS = 3.0  # of the mean difference between recordings: many candidates are compared, and early

TrialStatus = Literal["compared", "beaten", "selected on", "too dear"]

_OUTCOMES = {
    "compared": "",
    "beaten": "dropped: clearly behind on the first folds",
    "selected on": "not nested, for lack of groups or of budget: its score was selected on",
}
"""Outcome of a candidate: compared on every block; beaten on the first ones; compared without nesting, so that its
score was selected on; or skipped, because it would exceed the budget."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Scores of one candidate.

    Parameters
    ----------
    candidate : Candidate
    score : float
        By recording, over the blocks that it ran on; NaN where it was skipped.
    deviation : float
        Standard deviation between blocks.
    fit_s : float
        Mean seconds of a fit.
    status : TrialStatus
    estimated_s : float
        Estimated seconds of all fits of a skipped candidate; NaN where none was estimated.
    """

    candidate: Candidate
    score: float
    deviation: float
    fit_s: float
    status: TrialStatus = "compared"
    estimated_s: float = float("nan")

    @property
    def outcome(self) -> str:
        """Why the candidate was dropped, skipped or not nested; empty where it was compared."""
        if self.status != "too dear":
            return _OUTCOMES[self.status]
        if not np.isfinite(self.estimated_s):
            return "skipped: the budget was spent"
        estimate = f"{self.estimated_s:.0f} s" if self.estimated_s < 90 else f"{self.estimated_s / 60:.0f} min"
        return f"skipped: would exceed the budget (estimated {estimate})"


Explore = Callable[[FoldFits, list[HeldOutFold], str], list[int]]
"""Adds candidates to the fits, scores them on folds in a study of that name, and returns those worth comparing."""


class CandidateRace:
    """The candidates of a search, and those still in the race for each tested block.

    Parameters
    ----------
    fits : FoldFits
    plan : SplitPlan
    drop_beaten : bool
    deadline : float or None
        On the clock of ``time.perf_counter``.
    """

    def __init__(self, fits: FoldFits, plan: SplitPlan, *, drop_beaten: bool, deadline: float | None) -> None:
        blocks = [int(block) for block in np.unique(plan.blocks)]
        self.inner_folds = {t: [(frozenset({t, j}), j) for j in blocks if j != t] for t in plan.tested}
        self.outer_folds = {t: [(frozenset({t}), t)] for t in plan.tested}
        self.contenders: dict[int, list[int]] = {t: [] for t in plan.tested}
        self.unnested: set[int] = set()
        self.explored: set[int] = set()
        self.fits, self._plan, self._drop_beaten, self._deadline = fits, plan, drop_beaten, deadline
        self._n_blocks = len(blocks)
        # Of two blocks that are tested in turn, none is left to choose on without the tested one.
        self._has_choice_blocks = not plan.is_nested or len(blocks) > 2
        self._rounds = [[pair for pair in pairs if set(pair) & set(plan.tested)] for pairs in round_robin(blocks)]
        self._statuses: dict[int, TrialStatus] = {}
        self._estimated_s: dict[int, float] = {}

    def run(self, batch: Sequence[Candidate], *, workers: int) -> None:
        """Race candidates in parallel, as far as the budget allows."""
        entered = [self.fits.add(candidate) for candidate in batch]
        if not self._has_choice_blocks:
            self._compare_unnested(entered)
            return
        if self._plan.is_nested:
            for index in filter(self._is_network, entered):
                if self._deadline is None or index == 0 or self._network_fits_budget(index, workers):
                    self._statuses[index] = "selected on"
                    self.unnested.add(index)
                else:
                    self._statuses[index] = "too dear"
            entered = [index for index in entered if not self._is_network(index)]
        if not entered:
            return
        if self._deadline is not None and entered != [0]:
            entered = [index for index in entered if self._can_race(index, workers)]
        for t in self.contenders:
            self.contenders[t] += entered
        self._run_pairs(self._rounds[:N_FIRST_ROUNDS], entered)
        if self._drop_beaten:
            for t in self.contenders:
                self.contenders[t] = self._unbeaten(t, entered)
        self._run_pairs(self._rounds[N_FIRST_ROUNDS:], entered)

    def explore(self, explore: Explore) -> None:
        """Explore further candidates for each tested block, and for the final choice."""
        for t in self.contenders if self._has_choice_blocks else ():
            self.contenders[t] += explore(self.fits, self.inner_folds[t], f"without block {t}")
        if self._plan.is_nested:
            self.explored = set(explore(self.fits, [f for t in self.outer_folds for f in self.outer_folds[t]], "final"))

    def trials(self, chosen: EnsembleWeights, compared: list[HeldOutFold]) -> tuple[Trial, ...]:
        """Return the trial of every candidate, and of the blend if one was chosen."""
        singles: list[EnsembleWeights] = [((index, 1.0),) for index in range(len(self.fits.candidates))]
        return tuple(self._trial(each, compared) for each in (singles if len(chosen) == 1 else [*singles, chosen]))

    def _compare_unnested(self, entered: list[int]) -> None:
        """Enter candidates to be compared on the tested blocks themselves, while the budget lasts."""
        for index in entered:
            is_late = self._deadline is not None and index > 0 and time.perf_counter() >= self._deadline
            self._statuses[index] = "too dear" if is_late else "selected on"
            if not is_late:
                self.unnested.add(index)

    def _can_race(self, index: int, workers: int) -> bool:
        """Whether the budget allows a candidate to race; where it allows comparison only, mark it as unnested."""
        assert self._deadline is not None  # noqa: S101  (called under a budget only)
        self._statuses[index] = "too dear"
        if time.perf_counter() >= self._deadline:
            return False
        if self._is_network(index) and not self._network_fits_budget(index, workers):
            return False
        first = next(pair for pairs in self._rounds for pair in pairs)
        self.fits.run([(index, frozenset(first))])
        left_s = self._deadline - time.perf_counter()
        n_fits = sum(map(len, self._rounds)) + len(self._plan.tested) - 1
        fit_s = self.fits.mean_fit_s(index) / min(workers, self._n_blocks)
        if n_fits * fit_s <= left_s:
            del self._statuses[index]
            return True
        self._estimated_s[index] = n_fits * fit_s
        if self._plan.is_nested and self._n_blocks * fit_s <= left_s:
            self._statuses[index] = "selected on"
            self.unnested.add(index)
        elif self._plan.is_nested:
            self._estimated_s[index] = self._n_blocks * fit_s
        return False

    def _is_network(self, index: int) -> bool:
        """Whether a candidate is a network, whose fits take too long to fit it without every pair of blocks."""
        return IMAGE in self.fits.candidates[index].feature_set

    def _network_fits_budget(self, index: int, workers: int) -> bool:
        """Whether the time left allows a network to be fitted without each block, by its estimate of one fit."""
        assert self._deadline is not None  # noqa: S101  (called under a budget only)
        left_s = self._deadline - time.perf_counter()
        if left_s <= 0:
            return False
        n_batches = -(-self._n_blocks // min(workers, self._n_blocks))
        self._estimated_s[index] = self.fits.estimate_fit_s(index) * n_batches
        return self._estimated_s[index] <= left_s

    def _run_pairs(self, rounds: list[list[tuple[int, int]]], entered: list[int]) -> None:
        self.fits.run(
            (index, frozenset(pair))
            for index in entered
            for pairs in rounds
            for pair in pairs
            if any(index in self.contenders[t] for t in pair if t in self.contenders)
        )

    def _unbeaten(self, t: int, entered: list[int]) -> list[int]:
        first_rounds = self._rounds[:N_FIRST_ROUNDS]
        opponents = [j for pairs in first_rounds for pair in pairs if t in pair for j in pair if j != t]
        folds = [(frozenset({t, j}), j) for j in opponents]
        losses = {index: self.fits.losses(((index, 1.0),), folds) for index in self.contenders[t]}
        best = min(losses.values(), key=lambda loss: float(loss.mean()))
        return [index for index in losses if index not in entered or not is_beaten(losses[index], best)]

    def _trial(self, ensemble: EnsembleWeights, compared: list[HeldOutFold]) -> Trial:
        index = ensemble[0][0]
        candidate = candidate_of(self.fits, ensemble)
        ran = [fold for fold in compared if all(self.fits.has_run(member, fold[0]) for member, _ in ensemble)]
        status = self._statuses.get(index, "compared") if len(ensemble) == 1 else "compared"
        if status == "selected on" and len(self.fits.candidates) == 1:
            status = "compared"  # there was nothing to select
        if not ran and status == "compared":  # it was dropped for every tested block
            status = "beaten"
            ran = [f for t in self.inner_folds for f in self.inner_folds[t] if self.fits.has_run(index, f[0])]
        if not ran or status == "too dear":
            nan = float("nan")
            estimated_s = self._estimated_s.get(index, nan)
            return Trial(candidate, nan, nan, fit_s=nan, status="too dear", estimated_s=estimated_s)
        by_block = [self.fits.score(ensemble, [fold]) for fold in ran]
        fit_s = sum(self.fits.mean_fit_s(member) for member, _ in ensemble)
        if len(ran) < len(compared) and status == "compared":
            status = "beaten"
        score, deviation = self.fits.score(ensemble, ran), float(np.std(by_block))
        return Trial(candidate, score, deviation, fit_s=fit_s, status=status)


def candidate_of(fits: FoldFits, ensemble: EnsembleWeights) -> Candidate:
    """Return an ensemble as one candidate: itself, or the blend of its members."""
    members = [(fits.candidates[index], weight) for index, weight in ensemble]
    if len(members) == 1:
        return members[0][0]
    return blend_candidates(members, fits.data(ensemble[0][0]).width, is_classifier=bool(fits.n_classes))


def round_robin(blocks: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Pair every block with every other once, in rounds in which each block is in at most one pair.

    Source: the circle method of round-robin tournaments.
    """
    circle: list[int | None] = [*blocks, *([None] if len(blocks) % 2 else [])]
    half, rounds = len(circle) // 2, []
    for _ in range(len(circle) - 1):
        pairs = zip(circle[:half], reversed(circle[half:]), strict=True)
        rounds.append([(a, b) for a, b in pairs if a is not None and b is not None])
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return rounds


def is_beaten(losses: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether a candidate's losses on recordings, shape (n,), are clearly above the best candidate's.

    Source: racing; Maron and Moore (1994), "Hoeffding races", with the deviation of paired differences as the bound.
    """
    deficit = losses - best
    mean = float(deficit.mean())
    return mean > MIN_DEFICIT and mean > _N_DEVIATIONS * float(deficit.std(ddof=1) / np.sqrt(len(deficit)))
