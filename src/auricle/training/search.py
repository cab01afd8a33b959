"""Choose among candidates without fooling oneself: the choice is repeated where its score is taken.

Recordings lie in blocks, and no group lies in two. A fit leaves out one or two blocks and answers the recordings in
them. For a tested block ``t``, the candidates compete on the other blocks ``j``, each answered by fits that left out
both ``t`` and ``j``; the winner, fitted without ``t``, then answers ``t``. So no recording has a say in choosing the
model, or its temperature, that is scored on it. The fit that left out ``{t, j}`` serves both when ``t`` is tested and
when ``j`` is, which halves the price of nesting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.answers import FLOOR, soften
from auricle.datasets.examples import Progress
from auricle.models.blend import classifier_weights, regressor_weights
from auricle.models.calibration import fit_temperature
from auricle.training.candidates import Candidate, blended
from auricle.training.crossfit import CrossFits, Excluded, Mix, Plan, Source
from auricle.training.table import Table

__all__ = ["MAX_MEMBERS", "WORTHWHILE", "Found", "Trial", "search"]

MAX_MEMBERS = 4
"""Most members of a blend: more cost time at every answer, and share what is left of the weight."""

WORTHWHILE = 0.02
"""Part of the loss that a blend must save: less is not worth running several models for."""


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
    windows_out_of_fold : the same for every window, calibrated for windows
    window_temperature, recording_temperature : fitted on the out-of-fold answers; 1 for numbers
    """

    chosen: Candidate
    trials: tuple[Trial, ...]
    tested: NDArray[np.intp]
    answers: NDArray[np.float64]
    out_of_fold: NDArray[np.float64]
    windows_out_of_fold: NDArray[np.float64]
    window_temperature: float
    recording_temperature: float


def search(
    table: Table,
    candidates: Sequence[Candidate],
    plan: Plan,
    *,
    blend: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Found:
    """Fit every candidate, choose one, and score the choosing on recordings that had no part in it.

    Parameters
    ----------
    table : rows and truth
    candidates : what to try, in the order that breaks ties
    plan : where scores are taken
    blend : whether the best of each family may be blended, with weights fitted where they compete
    workers : threads; None for every core
    progress : told of every fit
    """
    fits = CrossFits(table, candidates, plan.blocks, workers=workers, progress=progress)
    blocks = [int(block) for block in np.unique(plan.blocks)]
    inner = {t: [(_without(t, j), j) for j in blocks if j != t] for t in plan.tested}
    outer = {t: [(_without(t), t)] for t in plan.tested}
    competing = [_without(*pair) for pair in combinations(blocks, 2) if set(pair) & set(plan.tested)]
    if plan.is_nested:
        competing += [_without(t) for t in blocks]
    fits.make([(index, excluded) for excluded in competing for index in range(len(candidates))])

    winner = {t: _best(fits, inner[t], blend=blend) for t in plan.tested}
    fits.make([(index, _without(t)) for t in plan.tested for index, _ in winner[t]])
    tested, answers = zip(*(_answered(fits, winner[t], outer[t], inner[t]) for t in plan.tested), strict=True)

    if plan.is_nested:
        compared = everything = [source for t in plan.tested for source in outer[t]]
        chosen = _best(fits, compared, blend=blend)
    else:  # one block was held out: the choice made without it stands
        (t,) = plan.tested
        compared, everything, chosen = inner[t], [*inner[t], *outer[t]], winner[t]
    singles: list[Mix] = [((index, 1.0),) for index in range(len(candidates))]
    mixes = singles if len(chosen) == 1 else [*singles, chosen]
    trials = tuple(_trial(fits, mix, compared) for mix in mixes)
    _, out_of_fold = _answered(fits, chosen, everything, everything)
    by_window, window_temperature = fits.windows(chosen, everything), _window_temperature(fits, chosen, everything)
    of_windows = np.empty_like(by_window.values)
    of_windows[by_window.windows] = soften(by_window.values, window_temperature) if table.classes else by_window.values
    return Found(
        chosen=trials[mixes.index(chosen)].candidate,
        trials=trials,
        tested=np.concatenate(tested),
        answers=np.concatenate(answers),
        out_of_fold=out_of_fold,
        windows_out_of_fold=of_windows,
        window_temperature=window_temperature,
        recording_temperature=_temperature(fits, chosen, everything),
    )


def _without(*blocks: int) -> Excluded:
    return frozenset(blocks)


def _best(fits: CrossFits, sources: list[Source], *, blend: bool) -> Mix:
    """Return the candidate with the best score, or the blend of a few where it loses clearly less than any of them."""
    ranked = sorted(range(len(fits.candidates)), key=lambda index: -fits.score(((index, 1.0),), sources))
    single: Mix = ((ranked[0], 1.0),)
    members = _best_of_each_family(fits, ranked)[:MAX_MEMBERS]
    if not blend or len(members) < 2:
        return single
    recordings, _ = fits.recordings(single, sources)
    truth = fits.table.truth[recordings]
    values = [fits.recordings(((index, 1.0),), sources)[1] for index in members]
    if fits.table.classes:
        weights = classifier_weights(values, truth)
    else:
        weights = regressor_weights([value[:, 0] for value in values], truth)
    mix = tuple((index, float(weight)) for index, weight in zip(members, weights, strict=True) if weight)
    gain = 1.0 - _loss(fits, mix, sources) / min(_loss(fits, ((index, 1.0),), sources) for index in members)
    return mix if len(mix) > 1 and gain > WORTHWHILE else single


def _best_of_each_family(fits: CrossFits, ranked: list[int]) -> list[int]:
    best: dict[str, int] = {}
    for index in ranked:
        best.setdefault(fits.candidates[index].family, index)
    return list(best.values())


def _loss(fits: CrossFits, mix: Mix, sources: list[Source]) -> float:
    """Return the log loss after calibration, or the mean squared error."""
    recordings, values = fits.recordings(mix, sources)
    truth = fits.table.truth[recordings]
    if not fits.table.classes:
        return float(((values[:, 0] - truth) ** 2).mean())
    probabilities = soften(values, fit_temperature(values, truth))
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], FLOOR)).mean())


def _answered(
    fits: CrossFits, mix: Mix, sources: list[Source], calibrated_on: list[Source]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return recordings and their answers, the temperature fitted on other sources."""
    recordings, values = fits.recordings(mix, sources)
    return recordings, soften(values, _temperature(fits, mix, calibrated_on)) if fits.table.classes else values


def _temperature(fits: CrossFits, mix: Mix, sources: list[Source]) -> float:
    if not fits.table.classes:
        return 1.0
    recordings, logs = fits.recordings(mix, sources)
    return fit_temperature(logs, fits.table.truth[recordings])


def _window_temperature(fits: CrossFits, mix: Mix, sources: list[Source]) -> float:
    if not fits.table.classes:
        return 1.0
    answers = fits.windows(mix, sources)
    return fit_temperature(answers.values, fits.table.truth[fits.table.owner[answers.windows]])


def _trial(fits: CrossFits, mix: Mix, sources: list[Source]) -> Trial:
    by_block = [fits.score(mix, [source]) for source in sources]
    fit_s = sum(fits.seconds(index) for index, _ in mix)
    members = [(fits.candidates[index], weight) for index, weight in mix]
    candidate = members[0][0] if len(members) == 1 else blended(members, is_classifier=bool(fits.table.classes))
    return Trial(candidate, fits.score(mix, sources), float(np.std(by_block)), fit_s)
