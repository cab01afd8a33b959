"""Learning curve: scores of the chosen model fitted to parts of the groups, and whether more data would help."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.datasets.feature_table import Progress
from auricle.evaluation.intervals import interval_of_accuracy, interval_of_mean, interval_of_r2
from auricle.runtime.compute import n_workers, parallel_map
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import SplitPlan, class_losses, fit_predict, parallel_fits
from auricle.training.search.training_data import TrainingData

__all__ = ["FRACTIONS", "MAX_SECONDS", "CurvePoint", "LearningCurve", "learning_curve"]

FRACTIONS = (0.25, 0.5, 0.75)
"""Fractions of the groups that the model is fitted to, besides all of them."""
MAX_SECONDS = 30.0
"""Most seconds of all fits; a curve that would take longer is thinned, and then skipped."""
MIN_GAIN = 0.01
"""Least gain, in balanced accuracy or R², from twice the data that counts as an improvement."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The score of the model fitted to a fraction of the groups.

    Parameters
    ----------
    fraction : float
        Of the groups outside each fold.
    n_recordings : float
        Recordings in the fit, the mean over the folds.
    score : float
        Balanced accuracy or R² on the held-out recordings of all folds.
    ci95 : tuple of float
        Its 95% interval, over groups.
    """

    fraction: float
    n_recordings: float
    score: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Scores by the number of recordings in the fit.

    Parameters
    ----------
    points : tuple of CurvePoint
        By fraction, ascending; none where the curve was skipped, for the reason that the sentence states.
    gain : float or None
        The score with all groups minus the score with half of them.
    gain_ci95 : tuple of float or None
        Its 95% interval, over groups, on the same test recordings.
    sentence : str
        Whether more data would help.
    """

    points: tuple[CurvePoint, ...]
    gain: float | None
    gain_ci95: tuple[float, float] | None
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Return the points, the gain and the sentence."""
        points = [asdict(point) | {"ci95": list(point.ci95)} for point in self.points]
        return {"points": points, "gain": self.gain, "sentence": self.sentence}


def learning_curve(
    data: TrainingData,
    groups: NDArray[np.str_],
    candidate: Candidate,
    plan: SplitPlan,
    out_of_fold: NDArray[np.float64],
    *,
    fit_s: float,
    max_s: float = MAX_SECONDS,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> LearningCurve:
    """Score the chosen candidate fitted to parts of the groups outside each fold.

    Parameters
    ----------
    data : TrainingData
    groups : str, shape (n_recordings,)
    candidate : Candidate
    plan : SplitPlan
    out_of_fold : float64, shape (n_recordings, n_classes) or (n_recordings, 1)
        Its uncalibrated predictions for all recordings, fitted to all groups outside each fold.
    fit_s : float
        Seconds of one of its fits.
    max_s : float
        Most seconds of the curve; with less, fewer fractions and folds, or none.
    seed : int
        Of the choice of groups; smaller parts lie in larger ones.
    workers : int or None
        Threads; None uses every core.
    progress : Progress
        Called after every fit.
    """
    fractions, tested = _within_budget(np.array(plan.tested), fit_s / n_workers(workers), max_s)
    if not fractions:
        return _skipped(f"a fit of this model takes {fit_s:.0f} s, and the curve would take longer than {max_s:.0f} s")
    rank = _ranks(data, groups, np.random.default_rng(seed))
    learned = _learned_masks(plan.blocks, rank, fractions, tested)
    if 0.5 not in learned:
        return _skipped("there are too few groups to halve them")
    folds = [np.flatnonzero(plan.blocks == block) for block in tested]
    parts = {fraction: masks for fraction, masks in learned.items() if fraction < 1}
    predictions = _by_fraction(data, candidate, parts, folds, workers=workers, progress=progress) | {1.0: out_of_fold}
    scored = np.sort(np.concatenate(folds))
    truth, members = data.truth[scored], groups[scored]
    points = tuple(
        _point(fraction, float(np.mean([mask.sum() for mask in learned[fraction]])), values[scored], truth, members)
        for fraction, values in predictions.items()
    )
    gains = _losses(predictions[0.5][scored], truth) - _losses(out_of_fold[scored], truth)
    gain, ci95 = float(gains.mean()), interval_of_mean(gains, members)
    sentence = _sentence(points, gain, ci95, "balanced accuracy" if data.classes else "R²")
    if len(tested) < len(plan.tested):
        sentence += f" Measured in {len(tested)} of {len(plan.tested)} folds, to save time."
    return LearningCurve(points, gain, ci95, sentence)


def _skipped(reason: str) -> LearningCurve:
    return LearningCurve((), None, None, f"The learning curve was skipped: {reason}.")


def _learned_masks(
    blocks: NDArray[np.intp], rank: NDArray[np.float64], fractions: tuple[float, ...], tested: NDArray[np.intp]
) -> dict[float, list[NDArray[np.bool_]]]:
    """Return the recordings in the fit of each fold by fraction, without fractions that add nothing to the next."""
    masks = {f: [(blocks != block) & (rank <= f) for block in tested] for f in (*fractions, 1.0)}
    sizes = {f: sum(int(mask.sum()) for mask in of_folds) for f, of_folds in masks.items()}
    next_size = dict(zip(masks, [*sizes.values()][1:], strict=False))
    return {
        f: of_folds
        for f, of_folds in masks.items()
        if f == 1 or (all(mask.any() for mask in of_folds) and sizes[f] < next_size[f])
    }


def _within_budget(blocks: NDArray[np.intp], fit_s: float, max_s: float) -> tuple[tuple[float, ...], NDArray[np.intp]]:
    """Return the fractions and folds within ``max_s``; a fit to a fraction takes that fraction of ``fit_s``."""
    for fractions in (FRACTIONS, (0.5,)):
        fold_s = fit_s * sum(fractions)
        if fold_s * len(blocks) <= max_s:
            return fractions, blocks
    n = int(max_s // fold_s) if fold_s else len(blocks)
    return ((0.5,), blocks[:n]) if n else ((), blocks[:0])


def _by_fraction(
    data: TrainingData,
    candidate: Candidate,
    learned: Mapping[float, Sequence[NDArray[np.bool_]]],
    folds: Sequence[NDArray[np.intp]],
    *,
    workers: int | None,
    progress: Progress | None,
) -> dict[float, NDArray[np.float64]]:
    """Fit at each fraction outside each fold; return the predictions for all recordings, NaN outside the folds."""
    jobs = [(fraction, fold) for fraction in learned for fold in range(len(folds))]

    def run(job: tuple[float, int]) -> NDArray[np.float64]:
        fraction, fold = job
        return _predict(data, candidate, learned[fraction][fold], folds[fold])

    predictions = {f: np.full((len(data.truth), len(data.classes) or 1), np.nan) for f in learned}
    with parallel_fits():
        warnings.simplefilter("ignore")  # a model that warns of so little data has its score to show it
        for done, values in enumerate(parallel_map(run, jobs, workers=workers)):
            fraction, fold = jobs[done]
            predictions[fraction][folds[fold]] = values
            if progress:
                progress("learning curve", done + 1, len(jobs))
    return predictions


def _ranks(data: TrainingData, groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the smallest fraction that holds each recording; each class loses its groups evenly."""
    names, members = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(names))
    if data.classes:
        counts = np.zeros((len(names), len(data.classes)))
        np.add.at(counts, (members, data.truth), 1)
        stratum = counts.argmax(axis=1)
    else:
        means = np.bincount(members, data.truth) / np.bincount(members)
        stratum = (
            np.argsort(np.argsort(means, kind="stable"), kind="stable") * min(4, max(1, len(names) // 4)) // len(names)
        )
    rank = np.empty(len(names))
    for each in np.unique(stratum):
        of_stratum = order[stratum[order] == each]
        rank[of_stratum] = (np.arange(len(of_stratum)) + 0.5) / len(of_stratum)
        rank[of_stratum[0]] = 0.0  # no class, and no part of the range, is ever left out
    return np.asarray(rank[members])


def _predict(
    data: TrainingData, candidate: Candidate, learned: NDArray[np.bool_], recordings: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Fit to some recordings and predict others: probabilities by recording, uncalibrated, or numbers."""
    windows = np.flatnonzero(np.isin(data.owner, recordings))
    _, means = fit_predict(candidate, data, learned, windows).by_recording()
    return np.asarray(np.exp(means) if data.classes else means)


def _point(
    fraction: float, n: float, values: NDArray[np.float64], truth: NDArray[Any], groups: NDArray[np.str_]
) -> CurvePoint:
    score = 1.0 - float(_losses(values, truth).mean())
    if values.shape[1] == 1:
        ci95 = interval_of_r2(truth, values[:, 0], groups)
    else:
        ci95 = interval_of_accuracy(predicted_class(values) == truth, truth, groups, balanced=True)
    return CurvePoint(fraction, n, score, ci95)


def _losses(values: NDArray[np.float64], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return losses, shape (n,), whose mean is 1 less the balanced accuracy, or 1 less R² where there is one column."""
    if values.shape[1] == 1:
        return np.asarray((values[:, 0] - truth) ** 2 / (np.var(truth) or 1.0))
    return class_losses(truth, predicted_class(values), is_balanced=True)


def _sentence(points: Sequence[CurvePoint], gain: float, ci95: tuple[float, float], score_name: str) -> str:
    half, whole = next(p for p in points if p.fraction == 0.5), points[-1]
    found = (
        f"{score_name} is {half.score:.2f} with half of the groups and {whole.score:.2f} with all "
        f"(95% interval of the gain {ci95[0]:+.2f} to {ci95[1]:+.2f})"
    )
    if gain >= MIN_GAIN and ci95[0] > 0:
        return f"More data helps: {found}. Twice as much may add as much again."
    if ci95[1] < 2 * MIN_GAIN:
        return f"More data of the same kind will hardly help: {found}. Look at features, labels and the worst mistakes."
    return f"Cannot say whether more data helps: {found}. New groups would tell more than new recordings of these."
