"""Choose among candidates without fooling oneself: the choice is repeated where its score is taken.

Recordings lie in blocks, and no group lies in two. A fit leaves out one or two blocks and answers the recordings in
them. For a tested block ``t``, the candidates compete on the other blocks ``j``, each answered by fits that left out
both ``t`` and ``j``; the winner, fitted without ``t``, then answers ``t``. So no recording has a say in choosing the
model, its calibration or its sets, that is scored on it. The fit that left out ``{t, j}`` serves both when ``t`` is
tested and when ``j`` is, which halves the price of nesting. What is clearly beaten for ``t`` on two blocks does not run
the others for it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import FLOOR, TemperatureScaling, calibrate
from auricle.bundles.manifest import Calibration
from auricle.datasets.feature_table import Progress
from auricle.features.spec import FeatureSpec
from auricle.models.blend import classifier_weights, regressor_weights
from auricle.models.calibration import fit_calibration
from auricle.models.intervals import class_thresholds, half_width
from auricle.runtime.compute import n_workers
from auricle.training.design_matrix import DesignMatrix
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import EnsembleWeights, FoldFits, HeldOutFold, SplitPlan
from auricle.training.search.racing import CandidateRace, Explore, Trial, without

__all__ = ["MAX_MEMBERS", "WORTHWHILE", "ConformalCoverage", "SearchResult", "search"]

MAX_MEMBERS = 4
"""Most members of a blend: more cost time at every answer, and share what is left of the weight."""

WORTHWHILE = 0.02
"""Part of the loss that a blend must save: less is not worth running several models for."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """What a search found.

    Parameters
    ----------
    chosen : the candidate to fit on all recordings
    trials : every candidate, in the order of the table
    tested : recordings that were held out from every choice, shape (n_tested,)
    answers : their calibrated probabilities, shape (n_tested, n_classes), or numbers, shape (n_tested, 1)
    uncalibrated : the same before calibration
    is_selected_on : whether the score of ``answers`` is one that the choice was made by, nesting being too dear
    reach : what sets or intervals fitted without them make of the tested recordings; None where too few promise any
    out_of_fold : answer of the chosen candidate to every recording, by fits that left it out: calibrated probabilities,
        shape (n, n_classes), or numbers, shape (n, 1)
    windows_out_of_fold : the same for every window, calibrated for windows
    calibration : fitted on the out-of-fold answers; changes nothing for numbers
    """

    chosen: Candidate
    trials: tuple[Trial, ...]
    tested: NDArray[np.intp]
    answers: NDArray[np.float64]
    uncalibrated: NDArray[np.float64]
    is_selected_on: bool
    reach: "ConformalCoverage | None"
    out_of_fold: NDArray[np.float64]
    windows_out_of_fold: NDArray[np.float64]
    calibration: Calibration


@dataclass(frozen=True, slots=True, eq=False)
class ConformalCoverage:
    """How sets of classes, or intervals, held on recordings that had no part in them.

    Parameters
    ----------
    covered : whether the truth lay within, shape (n_tested,)
    size : number of classes in the set, or the interval's whole width, shape (n_tested,)
    """

    covered: NDArray[np.bool_]
    size: NDArray[np.float64]


def search(
    tables: Mapping[FeatureSpec | None, DesignMatrix],
    candidates: Sequence[Candidate],
    plan: SplitPlan,
    *,
    blend: bool = False,
    race: bool = True,
    budget_s: float | None = None,
    explore: Explore | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Fit every candidate, choose one, and score the choosing on recordings that had no part in it.

    Parameters
    ----------
    tables : rows and truth by the candidates' specs
    candidates : what to try, from cheap to dear; the order breaks ties, and the first is tried whatever the budget
    plan : where scores are taken
    blend : whether the best of each family may be blended, with weights fitted where they compete
    race : whether what is clearly beaten drops out
    budget_s : seconds for all fits; None tries every candidate, and does not look at the clock
    explore : finds further candidates, for each tested block and for the final choice by itself
    workers : threads; None for every core
    progress : told of every fit
    """
    fits = FoldFits(tables, plan.blocks, workers=workers, progress=progress)
    field = CandidateRace(fits, plan, race=race, deadline=None if budget_s is None else time.perf_counter() + budget_s)
    for batch in [candidates] if budget_s is None else [[candidate] for candidate in candidates]:
        field.run(batch, workers=n_workers(workers))
    if explore is not None:
        field.explore(explore)
    winners = {t: _best(fits, field.racing[t], field.inner[t], blend=blend) for t in plan.tested if field.racing[t]}
    choice = _chosen(field, plan, winners, blend=blend)
    fits.make([(index, without(t)) for t, mix in winners.items() for index, _ in mix])
    return _found(field, choice, _tests(field, plan, winners, choice))


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """What is fitted on all recordings in the end.

    Parameters
    ----------
    mix : the candidate, or the blend
    compared : where it was compared with others
    everything : sources of its answers to all recordings
    n_finalists : candidates that it was chosen among
    is_flat : whether it is, or holds, a candidate that was too dear to be nested
    """

    mix: EnsembleWeights
    compared: list[HeldOutFold]
    everything: list[HeldOutFold]
    n_finalists: int
    is_flat: bool


_Test = tuple[EnsembleWeights, list[HeldOutFold], list[HeldOutFold]]
"""What answers a tested block, where its answers come from, and those that they are calibrated on."""


def _chosen(field: CandidateRace, plan: SplitPlan, winners: Mapping[int, EnsembleWeights], *, blend: bool) -> _Choice:
    """Choose among what is left in the race, and fit it without each tested block."""
    fits, finalists = field.fits, sorted(set().union(*field.racing.values()) | field.flat | field.explored)
    if plan.is_nested:
        fits.make([(index, without(t)) for t in plan.tested for index in finalists])
        compared = everything = [source for t in plan.tested for source in field.outer[t]]
        mix = _best(fits, finalists, compared, blend=blend)
    else:  # one block was held out: the choice made without it stands
        (t,) = plan.tested
        compared, mix = field.inner[t], winners[t]
        fits.make([(index, without(t)) for index, _ in mix])
        everything = [*compared, *field.outer[t]]
    is_flat = any(index in field.flat for index, _ in mix)
    return _Choice(mix, compared, everything, n_finalists=len(finalists), is_flat=is_flat)


def _tests(
    field: CandidateRace, plan: SplitPlan, winners: Mapping[int, EnsembleWeights], choice: _Choice
) -> list[_Test]:
    """Return how each tested block is answered: by the winner without it, or by the choice where nothing is nested."""
    if choice.is_flat:  # its answers to a block are calibrated on those to the others
        return [(choice.mix, field.outer[t], [s for s in choice.everything if s[1] != t]) for t in plan.tested]
    return [(winners[t], field.outer[t], field.inner[t]) for t in plan.tested]


def _found(field: CandidateRace, choice: _Choice, tests: Sequence[_Test]) -> SearchResult:
    """Score the tests, and calibrate the choice on its answers to all recordings."""
    fits, mix, everything = field.fits, choice.mix, choice.everything
    tested, answers, reaches = zip(*(_tested(fits, *test) for test in tests), strict=True)
    trials = field.trials(mix, choice.compared)
    _, out_of_fold = _answered(fits, mix, everything, everything)
    by_window, of_windows = _windows(fits, mix, everything)
    return SearchResult(
        chosen=trials[mix[0][0] if len(mix) == 1 else -1].candidate,
        trials=trials,
        tested=np.concatenate(tested),
        answers=np.concatenate(answers),
        uncalibrated=_uncalibrated(fits, tests),
        is_selected_on=choice.is_flat and choice.n_finalists > 1,
        reach=_joined(reaches),
        out_of_fold=out_of_fold,
        windows_out_of_fold=of_windows,
        calibration=Calibration(window=by_window, recording=_softening(fits, mix, everything)),
    )


def _best(fits: FoldFits, contenders: Sequence[int], sources: list[HeldOutFold], *, blend: bool) -> EnsembleWeights:
    """Return the candidate with the best score, or the blend of a few where it loses clearly less than any of them."""
    ranked = sorted(contenders, key=lambda index: -fits.score(((index, 1.0),), sources))
    single: EnsembleWeights = ((_plainest(fits, ranked, sources), 1.0),)
    members = _best_of_each_family(fits, ranked)[:MAX_MEMBERS]
    if not blend or len(members) < 2:
        return single
    recordings, _ = fits.recordings(single, sources)
    truth = fits.truth[recordings]
    values = [fits.recordings(((index, 1.0),), sources)[1] for index in members]
    if fits.n_classes:
        weights = classifier_weights(values, truth)
    else:
        weights = regressor_weights([value[:, 0] for value in values], truth)
    mix = tuple((index, float(weight)) for index, weight in zip(members, weights, strict=True) if weight)
    gain = 1.0 - _loss(fits, mix, sources) / min(_loss(fits, ((index, 1.0),), sources) for index in members)
    return mix if len(mix) > 1 and gain > WORTHWHILE else single


def _plainest(fits: FoldFits, ranked: Sequence[int], sources: list[HeldOutFold]) -> int:
    """Return the best candidate, or its family on fewer parts where that loses no more than chance might.

    A part that brings nothing costs time and room at every answer; and which of two like choices comes first in a few
    hundred recordings says little about the next ones.

    Source: the one-standard-error rule of Breiman et al. (1984), on paired differences.
    """
    top = fits.candidates[ranked[0]]
    losses = fits.losses(((ranked[0], 1.0),), sources)
    for index in sorted(ranked, key=lambda index: len(fits.candidates[index].parts)):
        other = fits.candidates[index]
        if (other.family, other.spec) == (top.family, top.spec) and set(other.parts) < set(top.parts):
            behind = fits.losses(((index, 1.0),), sources) - losses
            if behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)):
                return index
    return ranked[0]


def _best_of_each_family(fits: FoldFits, ranked: Sequence[int]) -> list[int]:
    """Return the best candidate of each family on each choice of parts, of those that share the best one's spec."""
    best: dict[tuple[str, tuple[str, ...]], int] = {}
    for index in ranked:
        candidate = fits.candidates[index]
        if candidate.spec == fits.candidates[ranked[0]].spec:
            best.setdefault((candidate.family, candidate.parts), index)
    return list(best.values())


def _loss(fits: FoldFits, mix: EnsembleWeights, sources: list[HeldOutFold]) -> float:
    """Return the log loss after calibration, or the mean squared error."""
    recordings, values = fits.recordings(mix, sources)
    truth = fits.truth[recordings]
    if not fits.n_classes:
        return float(((values[:, 0] - truth) ** 2).mean())
    probabilities = calibrate(
        values, TemperatureScaling(*fit_calibration(values, truth, fits.blocks[recordings], biases=False))
    )
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], FLOOR)).mean())


def _answered(
    fits: FoldFits, mix: EnsembleWeights, sources: list[HeldOutFold], calibrated_on: list[HeldOutFold]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return recordings and their answers, calibrated on other sources."""
    recordings, values = fits.recordings(mix, sources)
    return recordings, calibrate(values, _softening(fits, mix, calibrated_on)) if fits.n_classes else values


def _tested(
    fits: FoldFits, mix: EnsembleWeights, sources: list[HeldOutFold], calibrated_on: list[HeldOutFold]
) -> tuple[NDArray[np.intp], NDArray[np.float64], ConformalCoverage | None]:
    """Return tested recordings, their answers, and how sets or intervals that others gave hold on them."""
    recordings, answers = _answered(fits, mix, sources, calibrated_on)
    known, out_of_fold = _answered(fits, mix, calibrated_on, calibrated_on)
    truth, known_truth = fits.truth[recordings], fits.truth[known]
    if fits.n_classes:
        found = class_thresholds(out_of_fold, known_truth)
        if found is None:
            return recordings, answers, None
        sets = answers >= np.array(found[0])
        return (
            recordings,
            answers,
            ConformalCoverage(sets[np.arange(len(truth)), truth], sets.sum(axis=1).astype(np.float64)),
        )
    width = half_width(out_of_fold[:, 0] - known_truth)
    if width is None:
        return recordings, answers, None
    return (
        recordings,
        answers,
        ConformalCoverage(np.abs(answers[:, 0] - truth) <= width, np.full(len(truth), 2 * width)),
    )


def _uncalibrated(fits: FoldFits, tests: Sequence[_Test]) -> NDArray[np.float64]:
    values = np.concatenate([fits.recordings(mix, sources)[1] for mix, sources, _ in tests])
    return calibrate(values) if fits.n_classes else values


def _joined(reaches: Sequence[ConformalCoverage | None]) -> ConformalCoverage | None:
    known = [reach for reach in reaches if reach is not None]
    if len(known) < len(reaches):
        return None
    return ConformalCoverage(
        np.concatenate([one.covered for one in known]), np.concatenate([one.size for one in known])
    )


def _softening(fits: FoldFits, mix: EnsembleWeights, sources: list[HeldOutFold]) -> TemperatureScaling:
    recordings, logs = fits.recordings(mix, sources)
    return _fitted(fits, mix, logs, recordings)


def _fitted(
    fits: FoldFits, mix: EnsembleWeights, logs: NDArray[np.float64], owner: NDArray[np.int64]
) -> TemperatureScaling:
    if not fits.n_classes:
        return TemperatureScaling()
    biases = not fits.candidates[mix[0][0]].is_balanced  # they would undo the balance
    return TemperatureScaling(*fit_calibration(logs, fits.truth[owner], fits.blocks[owner], biases=biases))


def _windows(
    fits: FoldFits, mix: EnsembleWeights, sources: list[HeldOutFold]
) -> tuple[TemperatureScaling, NDArray[np.float64]]:
    """Return the calibration of windows, and their calibrated answers in the order of the table."""
    answers = fits.windows(mix, sources)
    how = _fitted(fits, mix, answers.values, answers.owner)
    values = np.empty_like(answers.values)
    values[answers.windows] = calibrate(answers.values, how) if fits.n_classes else answers.values
    return how, values
