"""Choose among candidates without fooling oneself: the choice is repeated where its score is taken.

Recordings lie in blocks, and no group lies in two. A *fit* leaves out one or two blocks and answers the recordings in
them. For a tested block ``t``, the candidates compete on the other blocks ``j``, each answered by fits that left out
both ``t`` and ``j``; the winner, fitted without ``t``, then answers ``t``. So no recording has a say in choosing the
model, or its temperature, that is scored on it. The fit that left out ``{t, j}`` serves both when ``t`` is tested and
when ``j`` is, which halves the price of nesting.
"""

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from auricle.bundles.answers import choose, log_probabilities, soften
from auricle.compute import spread
from auricle.datasets.examples import Progress
from auricle.models.calibration import fit_temperature
from auricle.training.candidates import Candidate, ask, fit
from auricle.training.scores import regression
from auricle.training.table import Table

__all__ = ["Found", "Plan", "Trial", "search"]

Excluded = frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where scores are taken.

    Parameters
    ----------
    blocks : block of each recording, shape (n,), counted from 0
    tested : blocks that are held out in turn, with the whole choice repeated without them
    protocol : the same in words
    """

    blocks: NDArray[np.intp]
    tested: tuple[int, ...]
    protocol: str

    @property
    def is_nested(self) -> bool:
        """Whether every recording is tested in its turn."""
        return len(self.tested) == len(np.unique(self.blocks))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """How one candidate did: score by recording over the blocks, deviation between blocks, seconds a fit."""

    candidate: Candidate
    score: float
    deviation: float
    fit_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found.

    Parameters
    ----------
    chosen : the candidate to fit on all recordings
    trials : every candidate, in the order of the table
    tested : recordings that were held out from every choice, shape (n_tested,)
    answers : their calibrated probabilities, shape (n_tested, n_classes), or numbers, shape (n_tested, 1)
    out_of_fold : answer of the chosen candidate to every recording, by fits that left it out: calibrated probabilities,
        shape (n, n_classes), or numbers, shape (n, 1)
    window_temperature, recording_temperature : fitted on the out-of-fold answers; 1 for numbers
    """

    chosen: Candidate
    trials: tuple[Trial, ...]
    tested: NDArray[np.intp]
    answers: NDArray[np.float64]
    out_of_fold: NDArray[np.float64]
    window_temperature: float
    recording_temperature: float


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What one fit answered: the windows left out, and their log-probabilities or numbers."""

    windows: NDArray[np.intp]
    answers: NDArray[np.float64]
    seconds: float


class _Fits:
    """Fits, made side by side, each once."""

    def __init__(self, table: Table, plan: Plan, workers: int | None, progress: Progress | None) -> None:
        self.table = table
        self.block_of_window = plan.blocks[table.owner]
        self.blocks = plan.blocks
        self._workers = workers
        self._progress = progress
        self._done: dict[tuple[int, Excluded], _Fit] = {}

    def make(self, candidates: tuple[Candidate, ...], wanted: Iterable[tuple[int, Excluded]]) -> None:
        jobs = [job for job in dict.fromkeys(wanted) if job not in self._done]
        for done, (job, made) in enumerate(
            zip(jobs, spread(lambda j: self._fit(candidates[j[0]], j[1]), jobs, workers=self._workers), strict=True), 1
        ):
            self._done[job] = made
            if self._progress:
                self._progress("models", done, len(jobs))

    def seconds(self, candidate: int) -> float:
        return float(np.mean([made.seconds for (index, _), made in self._done.items() if index == candidate]))

    def windows(self, candidate: int, sources: Iterable[tuple[Excluded, int]]) -> _Fit:
        """Collect the answers to whole blocks: for each (fit, block), what that fit answered to that block."""
        windows, answers = [], []
        for excluded, block in sources:
            made = self._done[candidate, excluded]
            of_block = self.block_of_window[made.windows] == block
            windows.append(made.windows[of_block])
            answers.append(made.answers[of_block])
        return _Fit(np.concatenate(windows), np.concatenate(answers), 0.0)

    def recordings(self, made: _Fit) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the recordings that the windows are of, and the mean of each one's answers."""
        recordings, place, counts = np.unique(self.table.owner[made.windows], return_inverse=True, return_counts=True)
        sums = np.zeros((len(recordings), made.answers.shape[1]))
        np.add.at(sums, place, made.answers)
        return recordings, sums / counts[:, None]

    def score(self, recordings: NDArray[np.intp], answers: NDArray[np.float64]) -> float:
        truth = self.table.truth[recordings]
        if self.table.classes:
            return float((choose(soften(answers, 1.0)) == truth).mean())
        return float(regression(truth, answers[:, 0])["r2"])

    def _fit(self, candidate: Candidate, excluded: Excluded) -> _Fit:
        started = time.perf_counter()
        table = self.table
        left_out = np.isin(self.block_of_window, list(excluded))
        scale = table.scale(~np.isin(self.blocks, list(excluded)))
        # A linear model that has not quite converged is a candidate like any other: its score says what it is worth.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = fit(
                candidate,
                table.rows[~left_out],
                scale.standardised(table.truth)[table.owner[~left_out]],
                table.owner[~left_out],
            )
        windows = np.flatnonzero(left_out)
        answers = ask(model, table.rows[windows], len(table.classes))
        answers = log_probabilities(answers) if table.classes else scale.original(answers)
        return _Fit(windows, answers, time.perf_counter() - started)


def search(
    table: Table,
    candidates: tuple[Candidate, ...],
    plan: Plan,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Found:
    """Fit every candidate, choose one, and score the choosing on recordings that had no part in it.

    Parameters
    ----------
    table : rows and truth
    candidates : what to try, in the order that breaks ties
    plan : where scores are taken
    workers : threads; None for every core
    progress : told of every fit
    """
    fits = _Fits(table, plan, workers, progress)
    everyone = range(len(candidates))
    blocks = [int(block) for block in np.unique(plan.blocks)]
    pairs = [frozenset(pair) for pair in combinations(blocks, 2) if set(pair) & set(plan.tested)]
    singles = [frozenset({block}) for block in plan.tested]
    with threadpool_limits(1):  # one BLAS thread a fit: the fits themselves run side by side
        # Without nesting only the winner meets the tested block, so that its score is read once.
        fits.make(
            candidates, [(index, excluded) for excluded in pairs + singles * plan.is_nested for index in everyone]
        )
        inner = {t: [(frozenset({t, j}), j) for j in blocks if j != t] for t in plan.tested}
        best = {t: _best(fits, everyone, inner[t]) for t in plan.tested}
        last = plan.tested[0]
        outer = [(frozenset({t}), t) for t in blocks] if plan.is_nested else inner[last]
        chosen = _best(fits, everyone, outer) if plan.is_nested else best[last]
        fits.make(candidates, [(best[t], frozenset({t})) for t in plan.tested])
    tested, answers = [], []
    for t in plan.tested:
        temperature = _temperature(fits, best[t], inner[t])
        recordings, logs = fits.recordings(fits.windows(best[t], [(frozenset({t}), t)]))
        tested.append(recordings)
        answers.append(soften(logs, temperature) if table.classes else logs)
    final = outer if plan.is_nested else [*inner[last], (frozenset({last}), last)]
    recording_temperature = _temperature(fits, chosen, final)
    _, logs = fits.recordings(fits.windows(chosen, final))
    return Found(
        chosen=candidates[chosen],
        trials=tuple(_trial(fits, index, candidates[index], outer) for index in everyone),
        tested=np.concatenate(tested),
        answers=np.concatenate(answers),
        out_of_fold=soften(logs, recording_temperature) if table.classes else logs,
        window_temperature=_temperature(fits, chosen, final, by_window=True),
        recording_temperature=recording_temperature,
    )


def _best(fits: _Fits, everyone: Iterable[int], sources: list[tuple[Excluded, int]]) -> int:
    return max(everyone, key=lambda index: fits.score(*fits.recordings(fits.windows(index, sources))))


def _trial(fits: _Fits, index: int, candidate: Candidate, sources: list[tuple[Excluded, int]]) -> Trial:
    by_block = [fits.score(*fits.recordings(fits.windows(index, [source]))) for source in sources]
    score = fits.score(*fits.recordings(fits.windows(index, sources)))
    return Trial(candidate, score, float(np.std(by_block)), fits.seconds(index))


def _temperature(fits: _Fits, index: int, sources: list[tuple[Excluded, int]], *, by_window: bool = False) -> float:
    table = fits.table
    if not table.classes:
        return 1.0
    made = fits.windows(index, sources)
    if by_window:
        return fit_temperature(made.answers, table.truth[table.owner[made.windows]])
    recordings, logs = fits.recordings(made)
    return fit_temperature(logs, table.truth[recordings])
