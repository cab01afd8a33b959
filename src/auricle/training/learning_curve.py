"""The learning curve: what the chosen model scores with a part of the groups, and whether more would help."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import log_probabilities, predicted_class
from auricle.datasets.feature_table import Progress
from auricle.evaluation.scores import interval_of_accuracy, interval_of_mean, interval_of_r2
from auricle.runtime.compute import n_workers, parallel_map
from auricle.training.design_matrix import DesignMatrix
from auricle.training.search.candidates import Candidate, fit_to, predict
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.parallel_fits import parallel_fits

__all__ = ["FRACTIONS", "LONGEST_S", "Curve", "Point", "learning_curve"]

FRACTIONS = (0.25, 0.5, 0.75)
"""Parts of the groups that the model is fitted to beside all of them."""
LONGEST_S = 30.0
"""What the fits may take together; dearer curves are thinned, and then left out."""
WORTH = 0.01
"""The gain, in balanced accuracy or R², under which twice the data is not said to have brought anything."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was scored with a part of the groups.

    Parameters
    ----------
    fraction : of the groups that each fold could learn from
    n_recordings : learned from, the mean over the folds
    score : balanced accuracy or R² on the recordings left out, all folds together
    ci95 : its interval, over groups
    """

    fraction: float
    n_recordings: float
    score: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A learning curve.

    Parameters
    ----------
    points : by fraction, ascending; none where it was too dear, and the sentence says so
    gain : what all groups score more than half of them
    gain_ci95 : its interval, over groups, the same recordings being tested
    sentence : whether more data is worth it
    """

    points: tuple[Point, ...]
    gain: float | None
    gain_ci95: tuple[float, float] | None
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Return the points and the sentence."""
        points = [
            {"fraction": p.fraction, "n_recordings": p.n_recordings, "score": p.score, "ci95": list(p.ci95)}
            for p in self.points
        ]
        return {"points": points, "gain": self.gain, "sentence": self.sentence}


def learning_curve(
    table: DesignMatrix,
    groups: NDArray[np.str_],
    candidate: Candidate,
    plan: SplitPlan,
    out_of_fold: NDArray[np.float64],
    *,
    fit_s: float,
    longest_s: float = LONGEST_S,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Curve:
    """Score the chosen candidate when each fold may learn from a part of its groups only.

    Parameters
    ----------
    table : rows and truth
    groups : group of each recording, shape (n,)
    candidate : what was chosen
    plan : where it is tested
    out_of_fold : its answers to all recordings with all groups, uncalibrated, shape (n, n_classes) or (n, 1)
    fit_s : seconds that one of its fits takes
    longest_s : seconds that the curve may take; with less, fewer fractions and folds, or none
    seed : of which groups are left out; smaller parts lie in larger ones
    workers : threads; None for every core
    progress : told of every fit
    """
    fractions, tested = _afford(np.array(plan.tested), fit_s / n_workers(workers), longest_s)
    if not fractions:
        too_dear = f"a fit of this model takes {fit_s:.0f} s, and the curve would take longer than {longest_s:.0f} s"
        return Curve((), None, None, f"Whether more data helps was not measured: {too_dear}.")
    rank = _ranks(table, groups, np.random.default_rng(seed))
    learned = _learned(plan.blocks, rank, fractions, tested)
    if 0.5 not in learned:
        return Curve(
            (), None, None, "Whether more data helps was not measured: there are too few groups to halve them."
        )
    held = [np.flatnonzero(plan.blocks == block) for block in tested]
    parts = {fraction: masks for fraction, masks in learned.items() if fraction < 1}
    answers = _by_fraction(table, candidate, parts, held, workers=workers, progress=progress) | {1.0: out_of_fold}
    asked = np.sort(np.concatenate(held))
    truth, members = table.truth[asked], groups[asked]
    points = tuple(
        _point(fraction, float(np.mean([one.sum() for one in learned[fraction]])), values[asked], truth, members)
        for fraction, values in answers.items()
    )
    gained = _losses(answers[0.5][asked], truth) - _losses(out_of_fold[asked], truth)
    gain, ends = float(gained.mean()), interval_of_mean(gained, members)
    sentence = _sentence(points, gain, ends, "balanced accuracy" if table.classes else "R²")
    if len(tested) < len(plan.tested):
        sentence += f" Measured in {len(tested)} of {len(plan.tested)} folds, for its cost."
    return Curve(points, gain, ends, sentence)


def _learned(
    blocks: NDArray[np.intp], rank: NDArray[np.float64], fractions: tuple[float, ...], tested: NDArray[np.intp]
) -> dict[float, list[NDArray[np.bool_]]]:
    """Return what each fold learns from at each fraction, without those that hold nothing or as much as the next."""
    masks = {f: [(blocks != block) & (rank <= f) for block in tested] for f in (*fractions, 1.0)}
    sizes = {f: sum(int(mask.sum()) for mask in of_folds) for f, of_folds in masks.items()}
    larger = dict(zip(masks, [*sizes.values()][1:], strict=False))
    can_be_had = {f for f, of_folds in masks.items() if all(mask.any() for mask in of_folds)}
    return {f: of_folds for f, of_folds in masks.items() if f == 1 or (f in can_be_had and sizes[f] < larger[f])}


def _afford(blocks: NDArray[np.intp], fit_s: float, longest_s: float) -> tuple[tuple[float, ...], NDArray[np.intp]]:
    """Return the fractions and the folds that can be had in the time; a part of the data takes its part of a fit."""
    for fractions in (FRACTIONS, (0.5,)):
        cost_s = fit_s * sum(fractions)
        if cost_s * len(blocks) <= longest_s:
            return fractions, blocks
    n = int(longest_s // cost_s) if cost_s else len(blocks)
    return ((0.5,), blocks[:n]) if n else ((), blocks[:0])


def _by_fraction(
    table: DesignMatrix,
    candidate: Candidate,
    learned: Mapping[float, Sequence[NDArray[np.bool_]]],
    held: Sequence[NDArray[np.intp]],
    *,
    workers: int | None,
    progress: Progress | None,
) -> dict[float, NDArray[np.float64]]:
    """Fit to what each fold may learn from at each fraction; return the answers to all recordings, NaN if not asked."""
    jobs = [(fraction, fold) for fraction in learned for fold in range(len(held))]

    def one(job: tuple[float, int]) -> NDArray[np.float64]:
        fraction, fold = job
        return _answers(table, candidate, learned[fraction][fold], held[fold])

    answers = {f: np.full((len(table.truth), len(table.classes) or 1), np.nan) for f in learned}
    with parallel_fits():
        warnings.simplefilter("ignore")  # what a model says of so little data, its score says
        for done, values in enumerate(parallel_map(one, jobs, workers=workers)):
            fraction, fold = jobs[done]
            answers[fraction][held[fold]] = values
            if progress:
                progress("learning curve", done + 1, len(jobs))
    return answers


def _ranks(table: DesignMatrix, groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the smallest fraction that holds each recording; each class loses its groups evenly."""
    names, members = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(names))
    if table.classes:
        counts = np.zeros((len(names), len(table.classes)))
        np.add.at(counts, (members, table.truth), 1)
        stratum = counts.argmax(axis=1)
    else:
        means = np.bincount(members, table.truth) / np.bincount(members)
        stratum = (
            np.argsort(np.argsort(means, kind="stable"), kind="stable") * min(4, max(1, len(names) // 4)) // len(names)
        )
    rank = np.empty(len(names))
    for one in np.unique(stratum):
        of_stratum = order[stratum[order] == one]
        rank[of_stratum] = (np.arange(len(of_stratum)) + 0.5) / len(of_stratum)
        rank[of_stratum[0]] = 0.0  # no class, and no part of the range, is ever left out
    return np.asarray(rank[members])


def _answers(
    table: DesignMatrix, candidate: Candidate, learned: NDArray[np.bool_], recordings: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Fit to some recordings and answer others: probabilities by recording, uncalibrated, or numbers."""
    scale = table.scale(learned)
    model = fit_to(candidate, table, learned, scale)
    asked = np.isin(table.owner, recordings)
    values = predict(model, table.design_matrix(candidate.parts, asked), len(table.classes))
    values = log_probabilities(values) if table.classes else scale.original(values)
    place = np.searchsorted(recordings, table.owner[asked])
    sums = np.zeros((len(recordings), values.shape[1]))
    np.add.at(sums, place, values)
    means = sums / np.bincount(place, minlength=len(recordings))[:, None]
    return np.asarray(np.exp(means) if table.classes else means)


def _point(
    fraction: float, n: float, values: NDArray[np.float64], truth: NDArray[Any], groups: NDArray[np.str_]
) -> Point:
    score = 1.0 - float(_losses(values, truth).mean())
    if values.shape[1] == 1:
        return Point(fraction, n, score, interval_of_r2(truth, values[:, 0], groups))
    return Point(
        fraction, n, score, interval_of_accuracy(predicted_class(values) == truth, truth, groups, balanced=True)
    )


def _losses(values: NDArray[np.float64], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return what each recording takes from a score of 1, shape (n,): balanced accuracy, or R² of one column."""
    if values.shape[1] == 1:
        return np.asarray((values[:, 0] - truth) ** 2 / (np.var(truth) or 1.0))
    counts = np.bincount(truth)
    weight = len(truth) / (np.count_nonzero(counts) * counts[truth])
    return np.asarray((predicted_class(values) != truth) * weight)


def _sentence(points: Sequence[Point], gain: float, ends: tuple[float, float], what: str) -> str:
    half, whole = next(p for p in points if p.fraction == 0.5), points[-1]
    found = (
        f"with half of the groups {what} is {half.score:.2f}, with all {whole.score:.2f} "
        f"(95% interval of the gain {ends[0]:+.2f} to {ends[1]:+.2f})"
    )
    if gain >= WORTH and ends[0] > 0:
        return f"More data is worth it: {found}. Twice as much may bring up to as much again."
    if ends[1] < 2 * WORTH:
        return f"More data of the same kind will hardly help: {found}. Look at features, labels and the worst mistakes."
    return f"Whether more data helps cannot be told: {found}. More groups would say more than more recordings of these."
