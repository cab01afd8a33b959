"""Cross-validation: fits that hold out whole blocks of recordings, and their predictions, losses and scores."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from auricle.bundles.aggregation import calibrate, log_probabilities, predicted_class
from auricle.datasets.feature_table import Progress
from auricle.evaluation import scores
from auricle.features.pipeline import IMAGE
from auricle.features.spec import FeatureSpec
from auricle.models.cnn.device import torch_threads
from auricle.models.cnn.settings import Epoch
from auricle.runtime.compute import parallel_map
from auricle.training.networks import epoch_reporter
from auricle.training.search.candidates import Candidate, fit_recordings, predict
from auricle.training.search.training_data import TrainingData

__all__ = ["EnsembleWeights", "FoldFits", "HeldOutFold", "SplitPlan", "class_losses", "fit_predict", "parallel_fits"]

EnsembleWeights = tuple[tuple[int, float], ...]
"""Indices of candidates, each with its weight; a single candidate has weight 1."""

Excluded = frozenset[int]
"""The blocks that a fit holds out."""

HeldOutFold = tuple[Excluded, int]
"""The blocks that a fit held out, and the one of them whose predictions to take."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitPlan:
    """The blocks of recordings that scores are taken on.

    Parameters
    ----------
    blocks : intp, shape (n_recordings,)
        Block of each recording, counted from 0; no group lies in two.
    tested : tuple of int
        Blocks that are held out in turn, with the whole choice of model repeated without them.
    protocol : str
        The same in words.
    """

    blocks: NDArray[np.intp]
    tested: tuple[int, ...]
    protocol: str

    @property
    def is_nested(self) -> bool:
        """Whether every recording is tested in turn."""
        return len(self.tested) == len(np.unique(self.blocks))


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPredictions:
    """Predictions of held-out windows.

    Parameters
    ----------
    windows : intp, shape (n,)
        Indices of the windows.
    owner : int64, shape (n,)
        Index of the recording of each.
    values : float64, shape (n, n_classes) or (n, 1)
        Log-probabilities, or numbers in the target's unit.
    """

    windows: NDArray[np.intp]
    owner: NDArray[np.int64]
    values: NDArray[np.float64]

    def by_recording(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the recordings, ascending, and the mean prediction of each."""
        recordings, place, counts = np.unique(self.owner, return_inverse=True, return_counts=True)
        sums = np.zeros((len(recordings), self.values.shape[1]))
        np.add.at(sums, place, self.values)
        return recordings, sums / counts[:, None]


def fit_predict(
    candidate: Candidate,
    data: TrainingData,
    learned: NDArray[np.bool_],
    windows: NDArray[np.intp],
    *,
    progress: Callable[[Epoch], None] | None = None,
) -> HeldOutPredictions:
    """Fit a candidate to some recordings, a mask of shape (n_recordings,), and predict some windows."""
    scale = data.scale(learned)
    model = fit_recordings(candidate, data, learned, scale, progress=progress)
    values = predict(model, data.design_matrix(candidate.feature_set, windows), len(data.classes))
    values = log_probabilities(values) if data.classes else scale.restore(values)
    return HeldOutPredictions(windows, data.owner[windows], values)


def class_losses(truth: NDArray[np.intp], predicted: NDArray[np.intp], *, is_balanced: bool) -> NDArray[np.float64]:
    """Return zero-one losses, shape (n,), whose mean is 1 less the accuracy, or 1 less the balanced accuracy."""
    wrong = scores.losses(truth, predicted, is_class=True)
    if is_balanced:
        counts = np.bincount(truth)
        wrong *= len(truth) / (np.count_nonzero(counts) * counts[truth])
    return wrong


@contextmanager
def parallel_fits() -> Iterator[None]:
    """Let threads fit models in parallel: one BLAS thread each, and none of the warnings that they cause each other.

    scikit-learn resets the warning filters for a moment in each of its threads. The filters belong to the whole
    process: other threads then warn that they found none, tree after tree, and the thread that restores them last
    leaves its own behind. Unfiltered warnings are therefore ignored meanwhile, and the filters are restored at the end.
    """
    before = warnings.defaultaction  # type: ignore[attr-defined]  # the action where no filter matches
    with threadpool_limits(1), warnings.catch_warnings():
        # A linear model that stopped early is a candidate like any other; its score shows it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")  # many classes of few recordings each
        warnings.defaultaction = "ignore"  # type: ignore[attr-defined]
        try:
            yield
        finally:
            warnings.defaultaction = before  # type: ignore[attr-defined]


class FoldFits:
    """Every fit of a search, run in parallel, each once.

    Parameters
    ----------
    data_by_spec : mapping of FeatureSpec to TrainingData
        By the candidates' specs; the targets are the same in all.
    blocks : intp, shape (n_recordings,)
        Block of each recording.
    workers : int or None
        Threads; None uses every core.
    progress : Progress
        Called after every fit.
    """

    def __init__(
        self,
        data_by_spec: Mapping[FeatureSpec | None, TrainingData],
        blocks: NDArray[np.intp],
        *,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.candidates: list[Candidate] = []
        self.blocks = blocks
        self._data_by_spec = data_by_spec
        self._workers = workers
        self._progress = progress
        self._predictions: dict[tuple[int, Excluded], HeldOutPredictions] = {}
        self._running: list[int] = []
        self._seconds: dict[tuple[int, Excluded], float] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A process that runs fits gets the rows that they read, and no earlier predictions.
        blocks: dict[FeatureSpec | None, set[str]] = {}
        for index in self._running:
            blocks.setdefault(self.candidates[index].spec, set()).update(self.candidates[index].feature_set)
        data_by_spec = {spec: self._data_by_spec[spec].only(names) for spec, names in blocks.items()}
        reset: dict[str, Any] = {"_predictions": {}, "_seconds": {}, "_progress": None}
        return {**self.__dict__, **reset, "_data_by_spec": data_by_spec, "_targets": self._targets.only(())}

    def add(self, candidate: Candidate) -> int:
        """Add a candidate; return its index."""
        self.candidates.append(candidate)
        return len(self.candidates) - 1

    def data(self, candidate: int) -> TrainingData:
        """Return the training data under a candidate's spec."""
        return self._data_by_spec[self.candidates[candidate].spec]

    @cached_property
    def _targets(self) -> TrainingData:
        return self.data(0)

    @property
    def truth(self) -> NDArray[Any]:
        """Index of the true class, or the target, of each recording, shape (n_recordings,)."""
        return self._targets.truth

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for numbers."""
        return len(self._targets.classes)

    def run(self, jobs: Iterable[tuple[int, Excluded]]) -> None:
        """Run those fits (candidate, blocks held out) that have not run yet."""
        pending = [job for job in dict.fromkeys(jobs) if job not in self._predictions]
        self._running = list(dict.fromkeys(index for index, _ in pending))
        for index in self._running:
            self.data(index).only(self.candidates[index].feature_set)  # computed here, on all cores, if not there yet
        with ExitStack() as stack:
            stack.enter_context(parallel_fits())
            if any(IMAGE in self.candidates[index].feature_set for index in self._running):
                stack.enter_context(torch_threads(1))
            fits = parallel_map(self._fit, pending, workers=self._workers, on_engine=True)
            for number, (job, (predictions, seconds)) in enumerate(zip(pending, fits, strict=True), 1):
                self._predictions[job], self._seconds[job] = predictions, seconds
                if self._progress:
                    done = len(self._predictions)
                    self._progress("models", done, done + len(pending) - number, self.candidates[job[0]].name)

    def estimate_fit_s(self, index: int) -> float:
        """Return the estimated seconds of one fit of a network."""
        candidate = self.candidates[index]
        images = self.data(index).design_matrix(candidate.feature_set)
        with torch_threads(1):
            seconds: float = candidate.estimator.estimate_fit_s(images)  # type: ignore[attr-defined]
        return seconds

    def has_run(self, candidate: int, excluded: Excluded) -> bool:
        """Whether a fit has run."""
        return (candidate, excluded) in self._predictions

    def mean_fit_s(self, candidate: int) -> float:
        """Return the mean seconds of a candidate's fits."""
        return float(np.mean([seconds for (index, _), seconds in self._seconds.items() if index == candidate]))

    def window_predictions(self, ensemble: EnsembleWeights, folds: Iterable[HeldOutFold]) -> HeldOutPredictions:
        """Collect the predictions of all windows of held-out folds; members of an ensemble share one spec."""
        windows, owner, values = [], [], []
        for excluded, block in folds:
            members = [(self._predictions[candidate, excluded], weight) for candidate, weight in ensemble]
            first = members[0][0]
            of_block = self.blocks[first.owner] == block
            windows.append(first.windows[of_block])
            owner.append(first.owner[of_block])
            blended = np.sum([weight * member.values[of_block] for member, weight in members], axis=0)
            if self.n_classes and len(ensemble) > 1:
                blended = log_probabilities(calibrate(blended))  # normalised and floored, as the graph's are
            values.append(blended)
        return HeldOutPredictions(np.concatenate(windows), np.concatenate(owner), np.concatenate(values))

    def recording_predictions(
        self, ensemble: EnsembleWeights, folds: Iterable[HeldOutFold]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the recordings of held-out folds, ascending, and the mean prediction of each one's windows."""
        return self.window_predictions(ensemble, folds).by_recording()

    def losses(self, ensemble: EnsembleWeights, folds: Iterable[HeldOutFold]) -> NDArray[np.float64]:
        """Return the loss of each recording of held-out folds, shape (n,); the score is 1 less the mean.

        The zero-one loss, weighted where classes are balanced; or the squared error relative to the variance of all
        targets, so that a block of equal targets has a score too.
        """
        recordings, values = self.recording_predictions(ensemble, folds)
        truth = self.truth[recordings]
        if not self.n_classes:
            return np.asarray((values[:, 0] - truth) ** 2 / self.truth.var())
        is_balanced = self.candidates[ensemble[0][0]].is_balanced
        return class_losses(truth, predicted_class(np.exp(values)), is_balanced=is_balanced)

    def score(self, ensemble: EnsembleWeights, folds: Iterable[HeldOutFold]) -> float:
        """Return the (balanced) accuracy or R² on held-out folds, by recording."""
        return float(1.0 - self.losses(ensemble, folds).mean())

    def _fit(self, job: tuple[int, Excluded]) -> tuple[HeldOutPredictions, float]:
        started, (index, excluded) = time.perf_counter(), job
        candidate, data = self.candidates[index], self.data(index)
        held_out = np.isin(self.blocks, list(excluded))
        windows = np.flatnonzero(held_out[data.owner])
        report = None if self._progress is None else epoch_reporter(self._progress, candidate.name)
        predictions = fit_predict(candidate, data, ~held_out, windows, progress=report)
        return predictions, time.perf_counter() - started
