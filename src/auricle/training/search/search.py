"""Nested cross-validated model selection: choose among candidates, and score the choice on recordings outside it.

Recordings lie in blocks, and no group lies in two. A fit holds out one or two blocks and predicts their recordings. For
a tested block ``t``, the candidates compete on the other blocks ``j``, each predicted by fits that held out both ``t``
and ``j``; the winner, fitted without ``t``, then predicts ``t``. No recording influences the choice, calibration or
prediction sets of the model that it is scored with. The fit that held out ``{t, j}`` serves both when ``t`` is tested
and when ``j`` is, which halves the cost of nesting. A candidate that is clearly beaten for ``t`` on two blocks does not
run on the others for it.
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
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import EnsembleWeights, FoldFits, HeldOutFold, SplitPlan
from auricle.training.search.racing import CandidateRace, Explore, Trial
from auricle.training.search.training_data import TrainingData

__all__ = ["MAX_MEMBERS", "MIN_GAIN", "ConformalCoverage", "SearchResult", "search"]

MAX_MEMBERS = 4
"""Most members of a blend: each further one slows every prediction, and shares what weight is left."""

MIN_GAIN = 0.02
"""Least relative reduction of the loss for which a blend is chosen: less is not worth running several models."""


@dataclass(frozen=True, slots=True, eq=False)
class ConformalCoverage:
    """Prediction sets or intervals of recordings that had no part in them.

    Parameters
    ----------
    covered : bool, shape (n_tested,)
        Whether the set or interval holds the true class or number.
    size : float64, shape (n_tested,)
        Number of classes in the set, or the interval's full width.
    """

    covered: NDArray[np.bool_]
    size: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """The chosen candidate, the trials, and the out-of-fold predictions.

    Parameters
    ----------
    chosen : Candidate
        To fit to all recordings.
    trials : tuple of Trial
        Of every candidate, in the order of the search.
    tested : intp, shape (n_tested,)
        Indices of the recordings that were held out of every choice.
    predictions : float64, shape (n_tested, n_classes) or (n_tested, 1)
        Their calibrated probabilities, or numbers.
    uncalibrated : float64, same shape
        The same before calibration.
    is_selected_on : bool
        Whether the choice was made by the score of ``predictions``, because nesting would exceed the budget.
    coverage : ConformalCoverage or None
        Of the tested recordings, by sets or intervals fitted without them; None where there are too few to fit any.
    out_of_fold : float64, shape (n_recordings, n_classes) or (n_recordings, 1)
        Predictions of the chosen candidate for every recording, by fits that held it out: calibrated probabilities, or
        numbers.
    windows_out_of_fold : float64, shape (n_windows, n_classes) or (n_windows, 1)
        The same for every window, calibrated for windows.
    calibration : Calibration
        Fitted to the out-of-fold predictions; changes nothing for numbers.
    """

    chosen: Candidate
    trials: tuple[Trial, ...]
    tested: NDArray[np.intp]
    predictions: NDArray[np.float64]
    uncalibrated: NDArray[np.float64]
    is_selected_on: bool
    coverage: ConformalCoverage | None
    out_of_fold: NDArray[np.float64]
    windows_out_of_fold: NDArray[np.float64]
    calibration: Calibration


def search(
    data_by_spec: Mapping[FeatureSpec | None, TrainingData],
    candidates: Sequence[Candidate],
    plan: SplitPlan,
    *,
    blend: bool = False,
    drop_beaten: bool = True,
    budget_s: float | None = None,
    explore: Explore | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Fit every candidate, choose one, and score the choice on recordings that had no part in it.

    Parameters
    ----------
    data_by_spec : mapping of FeatureSpec to TrainingData
        By the candidates' specs.
    candidates : sequence of Candidate
        From cheap to costly; the order breaks ties, and the first is tried whatever the budget.
    plan : SplitPlan
    blend : bool
        Whether the best candidates of each family may be blended, with weights fitted where they compete.
    drop_beaten : bool
        Whether candidates that are clearly beaten drop out.
    budget_s : float or None
        Seconds for all fits; None tries every candidate, whatever the time.
    explore : callable
        Finds further candidates, for each tested block and for the final choice separately.
    workers : int or None
        Threads; None uses every core.
    progress : Progress
        Called after every fit.
    """
    fits = FoldFits(data_by_spec, plan.blocks, workers=workers, progress=progress)
    deadline = None if budget_s is None else time.perf_counter() + budget_s
    race = CandidateRace(fits, plan, drop_beaten=drop_beaten, deadline=deadline)
    for batch in [candidates] if budget_s is None else [[candidate] for candidate in candidates]:
        race.run(batch, workers=n_workers(workers))
    if explore is not None:
        race.explore(explore)
    entered = {t: race.contenders[t] for t in plan.tested if race.contenders[t]}
    winners = {t: _best_ensemble(fits, entered[t], race.inner_folds[t], blend=blend) for t in entered}
    choice = _choose(race, plan, winners, blend=blend)
    fits.run([(index, frozenset({t})) for t, ensemble in winners.items() for index, _ in ensemble])
    return _result(race, choice, _tested_folds(race, plan, winners, choice))


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """The final choice.

    Parameters
    ----------
    ensemble : EnsembleWeights
        The candidate, or the blend.
    compared : list of HeldOutFold
        Folds that it was compared with others on.
    all_folds : list of HeldOutFold
        Folds of its predictions for all recordings.
    n_finalists : int
        Number of candidates that it was chosen among.
    is_unnested : bool
        Whether it is, or holds, a candidate that was compared without nesting.
    """

    ensemble: EnsembleWeights
    compared: list[HeldOutFold]
    all_folds: list[HeldOutFold]
    n_finalists: int
    is_unnested: bool


_TestedFold = tuple[EnsembleWeights, list[HeldOutFold], list[HeldOutFold]]
"""The ensemble that predicts a tested block, the folds of its predictions, and those that calibrate them."""


def _choose(race: CandidateRace, plan: SplitPlan, winners: Mapping[int, EnsembleWeights], *, blend: bool) -> _Choice:
    """Choose among the finalists, and fit the choice without each tested block."""
    fits, finalists = race.fits, sorted(set().union(*race.contenders.values()) | race.unnested | race.explored)
    if plan.is_nested:
        fits.run([(index, frozenset({t})) for t in plan.tested for index in finalists])
        compared = all_folds = [fold for t in plan.tested for fold in race.outer_folds[t]]
        ensemble = _best_ensemble(fits, finalists, compared, blend=blend)
    else:  # one block was held out: the choice made without it stands
        (t,) = plan.tested
        compared, ensemble = race.inner_folds[t], winners[t]
        fits.run([(index, frozenset({t})) for index, _ in ensemble])
        all_folds = [*compared, *race.outer_folds[t]]
    is_unnested = any(index in race.unnested for index, _ in ensemble)
    return _Choice(ensemble, compared, all_folds, n_finalists=len(finalists), is_unnested=is_unnested)


def _tested_folds(
    race: CandidateRace, plan: SplitPlan, winners: Mapping[int, EnsembleWeights], choice: _Choice
) -> list[_TestedFold]:
    """Return each tested block with the winner without it, or with the choice where that is unnested."""
    if choice.is_unnested:  # its predictions of a block are calibrated on those of the others
        others = {t: [fold for fold in choice.all_folds if fold[1] != t] for t in plan.tested}
        return [(choice.ensemble, race.outer_folds[t], others[t]) for t in plan.tested]
    return [(winners[t], race.outer_folds[t], race.inner_folds[t]) for t in plan.tested]


def _result(race: CandidateRace, choice: _Choice, tests: Sequence[_TestedFold]) -> SearchResult:
    """Predict the tested folds, and calibrate the choice on its predictions for all recordings."""
    fits, ensemble, folds = race.fits, choice.ensemble, choice.all_folds
    tested, predictions, coverages = zip(*(_predict_tested(fits, *test) for test in tests), strict=True)
    trials = race.trials(ensemble, choice.compared)
    uncalibrated = np.concatenate([fits.recording_predictions(*test[:2])[1] for test in tests])
    of_windows = fits.window_predictions(ensemble, folds)
    by_window = _fit_temperature(fits, ensemble, of_windows.owner, of_windows.values)
    windows_out_of_fold = np.empty_like(of_windows.values)
    windows_out_of_fold[of_windows.windows] = _calibrated(fits, of_windows.values, by_window)
    recordings, values = of_windows.by_recording()
    by_recording = _fit_temperature(fits, ensemble, recordings, values)
    return SearchResult(
        chosen=trials[ensemble[0][0] if len(ensemble) == 1 else -1].candidate,
        trials=trials,
        tested=np.concatenate(tested),
        predictions=np.concatenate(predictions),
        uncalibrated=_calibrated(fits, uncalibrated, TemperatureScaling()),
        is_selected_on=choice.is_unnested and choice.n_finalists > 1,
        coverage=_joined(coverages),
        out_of_fold=_calibrated(fits, values, by_recording),
        windows_out_of_fold=windows_out_of_fold,
        calibration=Calibration(window=by_window, recording=by_recording),
    )


def _best_ensemble(
    fits: FoldFits, contenders: Sequence[int], folds: list[HeldOutFold], *, blend: bool
) -> EnsembleWeights:
    """Return the candidate with the best score, or a blend whose loss is clearly below that of its best member."""
    ranked = sorted(contenders, key=lambda index: -fits.score(((index, 1.0),), folds))
    single: EnsembleWeights = ((_smallest_feature_set(fits, ranked, folds), 1.0),)
    members = _best_of_each_family(fits, ranked)[:MAX_MEMBERS]
    if not blend or len(members) < 2:
        return single
    recordings, _ = fits.recording_predictions(single, folds)
    truth = fits.truth[recordings]
    values = [fits.recording_predictions(((index, 1.0),), folds)[1] for index in members]
    if fits.n_classes:
        weights = classifier_weights(values, truth)
    else:
        weights = regressor_weights([value[:, 0] for value in values], truth)
    ensemble = tuple((index, float(weight)) for index, weight in zip(members, weights, strict=True) if weight)
    gain = 1.0 - _loss(fits, ensemble, folds) / min(_loss(fits, ((index, 1.0),), folds) for index in members)
    return ensemble if len(ensemble) > 1 and gain > MIN_GAIN else single


def _smallest_feature_set(fits: FoldFits, ranked: Sequence[int], folds: list[HeldOutFold]) -> int:
    """Return the best candidate, or its family on fewer feature blocks where the difference may be chance.

    A block that adds nothing costs time and memory at every prediction, and the order of two equal candidates on a few
    hundred recordings says little about the next ones.

    Source: the one-standard-error rule of Breiman et al. (1984), on paired differences.
    """
    best = fits.candidates[ranked[0]]
    losses = fits.losses(((ranked[0], 1.0),), folds)
    for index in sorted(ranked, key=lambda index: len(fits.candidates[index].feature_set)):
        other = fits.candidates[index]
        if (other.family, other.spec) == (best.family, best.spec) and set(other.feature_set) < set(best.feature_set):
            deficit = fits.losses(((index, 1.0),), folds) - losses
            if deficit.mean() <= deficit.std(ddof=1) / np.sqrt(len(deficit)):
                return index
    return ranked[0]


def _best_of_each_family(fits: FoldFits, ranked: Sequence[int]) -> list[int]:
    """Return the best candidate of each family on each feature set, of those that share the best one's spec."""
    best: dict[tuple[str, tuple[str, ...]], int] = {}
    for index in ranked:
        candidate = fits.candidates[index]
        if candidate.spec == fits.candidates[ranked[0]].spec:
            best.setdefault((candidate.family, candidate.feature_set), index)
    return list(best.values())


def _loss(fits: FoldFits, ensemble: EnsembleWeights, folds: list[HeldOutFold]) -> float:
    """Return the log loss after calibration, or the mean squared error."""
    recordings, values = fits.recording_predictions(ensemble, folds)
    truth = fits.truth[recordings]
    if not fits.n_classes:
        return float(((values[:, 0] - truth) ** 2).mean())
    scaling = TemperatureScaling(*fit_calibration(values, truth, fits.blocks[recordings], biases=False))
    probabilities = calibrate(values, scaling)
    # Floored as the members of a blend are. At the 1e-12 of the reported log loss, one confident mistake would decide.
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], FLOOR)).mean())


def _predict_tested(
    fits: FoldFits, ensemble: EnsembleWeights, folds: list[HeldOutFold], calibration_folds: list[HeldOutFold]
) -> tuple[NDArray[np.int64], NDArray[np.float64], ConformalCoverage | None]:
    """Return tested recordings, their calibrated predictions, and how sets or intervals of other folds cover them."""
    recordings, values = fits.recording_predictions(ensemble, folds)
    known, known_values = fits.recording_predictions(ensemble, calibration_folds)
    scaling = _fit_temperature(fits, ensemble, known, known_values)
    predictions, out_of_fold = _calibrated(fits, values, scaling), _calibrated(fits, known_values, scaling)
    truth, known_truth = fits.truth[recordings], fits.truth[known]
    coverage = None
    if fits.n_classes:
        thresholds = class_thresholds(out_of_fold, known_truth)
        if thresholds is not None:
            sets = predictions >= np.array(thresholds[0])
            coverage = ConformalCoverage(sets[np.arange(len(truth)), truth], sets.sum(axis=1).astype(np.float64))
    else:
        width = half_width(out_of_fold[:, 0] - known_truth)
        if width is not None:
            covered = np.abs(predictions[:, 0] - truth) <= width
            coverage = ConformalCoverage(covered, np.full(len(truth), 2 * width))
    return recordings, predictions, coverage


def _joined(coverages: Sequence[ConformalCoverage | None]) -> ConformalCoverage | None:
    known = [coverage for coverage in coverages if coverage is not None]
    if len(known) < len(coverages):
        return None
    return ConformalCoverage(
        np.concatenate([coverage.covered for coverage in known]), np.concatenate([coverage.size for coverage in known])
    )


def _calibrated(fits: FoldFits, values: NDArray[np.float64], scaling: TemperatureScaling) -> NDArray[np.float64]:
    """Return calibrated probabilities of log-probabilities, and numbers unchanged."""
    return calibrate(values, scaling) if fits.n_classes else values


def _fit_temperature(
    fits: FoldFits, ensemble: EnsembleWeights, owner: NDArray[np.int64], values: NDArray[np.float64]
) -> TemperatureScaling:
    """Fit the calibration of predictions, shape (n, n_classes), for recordings ``owner``, shape (n,)."""
    if not fits.n_classes:
        return TemperatureScaling()
    biases = not fits.candidates[ensemble[0][0]].is_balanced  # they would undo the balance
    return TemperatureScaling(*fit_calibration(values, fits.truth[owner], fits.blocks[owner], biases=biases))
