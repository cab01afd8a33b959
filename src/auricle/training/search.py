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

from auricle.bundles.answers import soften
from auricle.datasets.examples import Progress
from auricle.models.calibration import fit_temperature
from auricle.training.candidates import Candidate
from auricle.training.crossfit import CrossFits, Excluded, Plan, Source
from auricle.training.table import Table

__all__ = ["Found", "Trial", "search"]


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


def search(
    table: Table,
    candidates: Sequence[Candidate],
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
    fits = CrossFits(table, candidates, plan.blocks, workers=workers, progress=progress)
    everyone = range(len(candidates))
    blocks = [int(block) for block in np.unique(plan.blocks)]
    inner = {t: [(_without(t, j), j) for j in blocks if j != t] for t in plan.tested}
    competing = [_without(*pair) for pair in combinations(blocks, 2) if set(pair) & set(plan.tested)]
    if plan.is_nested:
        competing += [_without(t) for t in blocks]
    fits.make([(index, excluded) for excluded in competing for index in everyone])

    winner = {t: _best(fits, inner[t]) for t in plan.tested}
    outer = {t: [(_without(t), t)] for t in plan.tested}
    fits.make([(winner[t], _without(t)) for t in plan.tested])
    tested, answers = zip(*(_answered(fits, winner[t], outer[t], inner[t]) for t in plan.tested), strict=True)

    if plan.is_nested:
        compared = everything = [source for t in plan.tested for source in outer[t]]
        chosen = _best(fits, compared)
    else:  # one block was held out: the choice made without it stands
        (t,) = plan.tested
        compared, everything, chosen = inner[t], [*inner[t], *outer[t]], winner[t]
    _, out_of_fold = _answered(fits, chosen, everything, everything)
    return Found(
        chosen=candidates[chosen],
        trials=tuple(_trial(fits, index, compared) for index in everyone),
        tested=np.concatenate(tested),
        answers=np.concatenate(answers),
        out_of_fold=out_of_fold,
        window_temperature=_window_temperature(fits, chosen, everything),
        recording_temperature=_temperature(fits, chosen, everything),
    )


def _without(*blocks: int) -> Excluded:
    return frozenset(blocks)


def _best(fits: CrossFits, sources: list[Source]) -> int:
    return max(range(len(fits.candidates)), key=lambda index: fits.score(index, sources))


def _answered(
    fits: CrossFits, index: int, sources: list[Source], calibrated_on: list[Source]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return recordings and their answers, the temperature fitted on other sources."""
    recordings, values = fits.recordings(index, sources)
    return recordings, soften(values, _temperature(fits, index, calibrated_on)) if fits.table.classes else values


def _temperature(fits: CrossFits, index: int, sources: list[Source]) -> float:
    if not fits.table.classes:
        return 1.0
    recordings, logs = fits.recordings(index, sources)
    return fit_temperature(logs, fits.table.truth[recordings])


def _window_temperature(fits: CrossFits, index: int, sources: list[Source]) -> float:
    if not fits.table.classes:
        return 1.0
    answers = fits.windows(index, sources)
    return fit_temperature(answers.values, fits.table.truth[fits.table.owner[answers.windows]])


def _trial(fits: CrossFits, index: int, sources: list[Source]) -> Trial:
    by_block = [fits.score(index, [source]) for source in sources]
    return Trial(fits.candidates[index], fits.score(index, sources), float(np.std(by_block)), fits.seconds(index))
