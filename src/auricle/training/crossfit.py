"""Fits that leave whole blocks of recordings out, and what they answer to the recordings they left out."""

import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from auricle.bundles.answers import choose, log_probabilities, soften
from auricle.compute import spread
from auricle.datasets.examples import Progress
from auricle.training.candidates import Candidate, ask, fit
from auricle.training.table import Table

__all__ = ["Answers", "CrossFits", "Excluded", "Mix", "Plan", "Source"]

Mix = tuple[tuple[int, float], ...]
"""Candidates by index, each with its weight; a single candidate has weight 1."""

Excluded = frozenset[int]
"""The blocks that a fit left out."""

Source = tuple[Excluded, int]
"""Where the answers to a block come from: the fit that left out these blocks, and the block."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where scores are taken.

    Parameters
    ----------
    blocks : block of each recording, shape (n,), counted from 0; no group lies in two
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
class Answers:
    """Answers to some windows: log-probabilities, shape (n, n_classes), or numbers, shape (n, 1)."""

    windows: NDArray[np.intp]
    values: NDArray[np.float64]


class CrossFits:
    """Every fit of a search, made side by side and each once.

    Parameters
    ----------
    table : rows and truth
    candidates : what is fitted
    blocks : block of each recording, shape (n,)
    workers : threads; None for every core
    progress : told of every fit
    """

    def __init__(
        self,
        table: Table,
        candidates: Sequence[Candidate],
        blocks: NDArray[np.intp],
        *,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.table = table
        self.candidates = candidates
        self._blocks = blocks
        self._block_of_window = blocks[table.owner]
        self._workers = workers
        self._progress = progress
        self._made: dict[tuple[int, Excluded], Answers] = {}
        self._seconds: dict[tuple[int, Excluded], float] = {}

    def make(self, wanted: Iterable[tuple[int, Excluded]]) -> None:
        """Make the fits (candidate, blocks left out) that are not there yet."""
        jobs = [job for job in dict.fromkeys(wanted) if job not in self._made]
        # One BLAS thread a fit: the fits themselves run side by side.
        with threadpool_limits(1), warnings.catch_warnings():
            # A linear model that stopped early is a candidate like any other: its score says what it is worth.
            warnings.simplefilter("ignore", ConvergenceWarning)
            for job, (answers, seconds) in zip(jobs, spread(self._fit, jobs, workers=self._workers), strict=True):
                self._made[job], self._seconds[job] = answers, seconds
                if self._progress:
                    self._progress("models", len(self._made), len(self._made) + len(jobs) - jobs.index(job) - 1)

    def seconds(self, candidate: int) -> float:
        """Return the mean time of a candidate's fits."""
        return float(np.mean([seconds for (index, _), seconds in self._seconds.items() if index == candidate]))

    def windows(self, mix: Mix, sources: Iterable[Source]) -> Answers:
        """Collect the answers to the windows of whole blocks, each from the fits that its source names."""
        windows, values = [], []
        for excluded, block in sources:
            made = [(self._made[candidate, excluded], weight) for candidate, weight in mix]
            of_block = self._block_of_window[made[0][0].windows] == block
            windows.append(made[0][0].windows[of_block])
            blended = np.sum([weight * answers.values[of_block] for answers, weight in made], axis=0)
            if self.table.classes and len(mix) > 1:
                blended = log_probabilities(soften(blended, 1.0))  # as the graph will answer, and be floored
            values.append(blended)
        return Answers(np.concatenate(windows), np.concatenate(values))

    def recordings(self, mix: Mix, sources: Iterable[Source]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Collect the answers to the recordings of whole blocks: which recordings, and the mean of each one's."""
        answers = self.windows(mix, sources)
        recordings, place, counts = np.unique(
            self.table.owner[answers.windows], return_inverse=True, return_counts=True
        )
        sums = np.zeros((len(recordings), answers.values.shape[1]))
        np.add.at(sums, place, answers.values)
        return recordings, sums / counts[:, None]

    def score(self, mix: Mix, sources: Iterable[Source]) -> float:
        """Score candidates on whole blocks, by recording: accuracy, or R² against the spread of all recordings.

        The spread is that of the whole set, so that a block of one single target has a score too.
        """
        recordings, values = self.recordings(mix, sources)
        truth = self.table.truth[recordings]
        if self.table.classes:
            return float((choose(np.exp(values)) == truth).mean())
        return float(1.0 - ((values[:, 0] - truth) ** 2).mean() / self.table.truth.var())

    def _fit(self, job: tuple[int, Excluded]) -> tuple[Answers, float]:
        index, excluded = job
        started = time.perf_counter()
        table, blocks = self.table, list(excluded)
        left_out = np.isin(self._block_of_window, blocks)
        scale = table.scale(~np.isin(self._blocks, blocks))
        owner = table.owner[~left_out]
        model = fit(self.candidates[index], table.rows[~left_out], scale.standardised(table.truth)[owner], owner)
        windows = np.flatnonzero(left_out)
        values = ask(model, table.rows[windows], len(table.classes))
        values = log_probabilities(values) if table.classes else scale.original(values)
        return Answers(windows, values), time.perf_counter() - started
