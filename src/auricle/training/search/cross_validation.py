"""Fits that leave whole blocks of recordings out, and what they answer to the recordings they left out."""

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import calibrate, log_probabilities, predicted_class
from auricle.datasets.feature_table import Progress
from auricle.features.pipeline import IMAGE
from auricle.features.spec import FeatureSpec
from auricle.models.cnn.device import torch_threads
from auricle.runtime.compute import parallel_map
from auricle.training.design_matrix import DesignMatrix
from auricle.training.networks import epoch_reporter
from auricle.training.search.candidates import Candidate, fit_to, predict
from auricle.training.search.parallel_fits import parallel_fits

__all__ = ["EnsembleWeights", "Excluded", "FoldFits", "HeldOutFold", "HeldOutPredictions", "SplitPlan"]

EnsembleWeights = tuple[tuple[int, float], ...]
"""Candidates by index, each with its weight; a single candidate has weight 1."""

Excluded = frozenset[int]
"""The blocks that a fit left out."""

HeldOutFold = tuple[Excluded, int]
"""Where the answers to a block come from: the fit that left out these blocks, and the block."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitPlan:
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
class HeldOutPredictions:
    """Answers to some windows, log-probabilities (n, n_classes) or numbers (n, 1), and which recordings they are of."""

    windows: NDArray[np.intp]
    owner: NDArray[np.int64]
    values: NDArray[np.float64]


class FoldFits:
    """Every fit of a search, made side by side and each once.

    Parameters
    ----------
    tables : rows and truth by the candidates' specs; the truth is the same in all
    blocks : block of each recording, shape (n,)
    workers : threads; None for every core
    progress : told of every fit
    """

    def __init__(
        self,
        tables: Mapping[FeatureSpec | None, DesignMatrix],
        blocks: NDArray[np.intp],
        *,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.candidates: list[Candidate] = []
        self.blocks = blocks
        self._tables = tables
        self._workers = workers
        self._progress = progress
        self._made: dict[tuple[int, Excluded], HeldOutPredictions] = {}
        self._in_hand: list[int] = []
        self._seconds: dict[tuple[int, Excluded], float] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Another process, which makes fits, gets the rows that they eat, and nothing that was made so far.
        design_matrix: dict[FeatureSpec | None, set[str]] = {}
        for index in self._in_hand:
            design_matrix.setdefault(self.candidates[index].spec, set()).update(self.candidates[index].parts)
        tables = {spec: self._tables[spec].only(parts) for spec, parts in design_matrix.items()}
        truth = self._truth.only(())
        nothing: dict[str, Any] = {"_made": {}, "_seconds": {}, "_progress": None}
        return {**self.__dict__, **nothing, "_tables": tables, "_truth": truth}

    def add(self, candidate: Candidate) -> int:
        """Take a candidate in; return its index."""
        self.candidates.append(candidate)
        return len(self.candidates) - 1

    def table(self, candidate: int) -> DesignMatrix:
        """Return the rows of the windows that a candidate is asked about."""
        return self._tables[self.candidates[candidate].spec]

    @cached_property
    def _truth(self) -> DesignMatrix:
        return self.table(0)

    @property
    def truth(self) -> NDArray[Any]:
        """Index of the class, or the target, of each recording, shape (n,)."""
        return self._truth.truth

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for numbers."""
        return len(self._truth.classes)

    def make(self, wanted: Iterable[tuple[int, Excluded]]) -> float:
        """Make the fits (candidate, blocks left out) that are not there yet; return the seconds that this took."""
        started = time.perf_counter()
        jobs = [job for job in dict.fromkeys(wanted) if job not in self._made]
        self._in_hand = list(dict.fromkeys(index for index, _ in jobs))
        for index in self._in_hand:
            self.table(index).only(self.candidates[index].parts)  # made here, on all cores, if not there yet
        with ExitStack() as stack:
            stack.enter_context(parallel_fits())
            if any(IMAGE in self.candidates[index].parts for index in self._in_hand):
                stack.enter_context(torch_threads(1))
            fits = parallel_map(self._fit, jobs, workers=self._workers, on_engine=True)
            for job, (answers, seconds) in zip(jobs, fits, strict=True):
                self._made[job], self._seconds[job] = answers, seconds
                if self._progress:
                    done = len(self._made)
                    self._progress("models", done, done + len(jobs) - jobs.index(job) - 1, self.candidates[job[0]].name)
        return time.perf_counter() - started

    def estimate_fit_s(self, candidate: int) -> float:
        """Return about how long one fit of a candidate would take, where its estimator can tell without one."""
        one = self.candidates[candidate]
        with torch_threads(1):
            price: float = one.estimator.estimate_fit_s(self.table(candidate).design_matrix(one.parts))  # type: ignore[attr-defined]
        return price

    def has(self, candidate: int, excluded: Excluded) -> bool:
        """Whether a fit has been made."""
        return (candidate, excluded) in self._made

    def seconds(self, candidate: int) -> float:
        """Return the mean time of a candidate's fits."""
        return float(np.mean([seconds for (index, _), seconds in self._seconds.items() if index == candidate]))

    def windows(self, mix: EnsembleWeights, sources: Iterable[HeldOutFold]) -> HeldOutPredictions:
        """Collect the answers to the windows of whole blocks, each from the fits that its source names.

        The members of a mix eat the rows of one spec.
        """
        windows, owner, values = [], [], []
        for excluded, block in sources:
            made = [(self._made[candidate, excluded], weight) for candidate, weight in mix]
            first = made[0][0]
            of_block = self.blocks[first.owner] == block
            windows.append(first.windows[of_block])
            owner.append(first.owner[of_block])
            blended = np.sum([weight * answers.values[of_block] for answers, weight in made], axis=0)
            if self.n_classes and len(mix) > 1:
                blended = log_probabilities(calibrate(blended))  # as the graph will answer, and be floored
            values.append(blended)
        return HeldOutPredictions(np.concatenate(windows), np.concatenate(owner), np.concatenate(values))

    def recordings(
        self, mix: EnsembleWeights, sources: Iterable[HeldOutFold]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Collect the answers to the recordings of whole blocks: which recordings, and the mean of each one's."""
        answers = self.windows(mix, sources)
        recordings, place, counts = np.unique(answers.owner, return_inverse=True, return_counts=True)
        sums = np.zeros((len(recordings), answers.values.shape[1]))
        np.add.at(sums, place, answers.values)
        return recordings, sums / counts[:, None]

    def losses(self, mix: EnsembleWeights, sources: Iterable[HeldOutFold]) -> NDArray[np.float64]:
        """Return what is lost on each recording of whole blocks, so that 1 less their mean is the score.

        That is 1 for a wrong class and 0 for the right one, weighted where classes are balanced; or the squared error
        as a part of the targets' variance over the whole set, so that a block of one single target has a score too.
        """
        recordings, values = self.recordings(mix, sources)
        truth = self.truth[recordings]
        if not self.n_classes:
            return np.asarray((values[:, 0] - truth) ** 2 / self.truth.var())
        wrong = (predicted_class(np.exp(values)) != truth).astype(np.float64)
        if self.candidates[mix[0][0]].is_balanced:
            counts = np.bincount(truth, minlength=self.n_classes)
            wrong *= len(truth) / (np.count_nonzero(counts) * counts[truth])
        return np.asarray(wrong)

    def score(self, mix: EnsembleWeights, sources: Iterable[HeldOutFold]) -> float:
        """Score candidates on whole blocks, by recording: (balanced) accuracy, or R²."""
        return float(1.0 - self.losses(mix, sources).mean())

    def _fit(self, job: tuple[int, Excluded]) -> tuple[HeldOutPredictions, float]:
        index, excluded = job
        started = time.perf_counter()
        table, blocks = self.table(index), list(excluded)
        left_out = np.isin(self.blocks[table.owner], blocks)
        learned = ~np.isin(self.blocks, blocks)
        scale, candidate = table.scale(learned), self.candidates[index]
        told = None if self._progress is None else epoch_reporter(self._progress, candidate.name)
        model = fit_to(candidate, table, learned, scale, progress=told)
        windows = np.flatnonzero(left_out)
        values = predict(model, table.design_matrix(candidate.parts, windows), self.n_classes)
        values = log_probabilities(values) if self.n_classes else scale.original(values)
        return HeldOutPredictions(windows, table.owner[windows], values), time.perf_counter() - started
