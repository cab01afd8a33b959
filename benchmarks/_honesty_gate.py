"""The promotion gate: how often an equal challenger passes, and a better one, where a service has few sources.

Two hundred recordings are labelled over a day. A better challenger wins 30 of them and loses 10, in the mean; an equal
one wins and loses 20. Sources are told, or all recordings have the group of one key. Labels come one by one, or in
runs of five that are alike, as from one event, which one source hears, or all. Where sources have luck of their own, an
equal challenger is equal over all sources that there could be, and its gain at one has a deviation of 5 points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from _honesty_row import Row

from auricle.lifecycle.paired_predictions import PairedPredictions
from auricle.lifecycle.promotion import PromotionDecision, decide_promotion

N = 200
START = np.datetime64("2026-03-02", "us")
N_SOURCES = (1, 2, 4, 8, 20)
RUN = 5
LUCK = 0.05


@dataclass(frozen=True)
class Scene:
    """How labels arise: a gain of the challenger, sources, runs of alike recordings, luck of sources, and who hears."""

    gain: float
    n_sources: int
    run: int = 1
    luck: float = 0.0
    heard_by_all: bool = False


def paired(scene: Scene, rng: np.random.Generator) -> PairedPredictions:
    """Draw labelled recordings with both models' predictions."""
    n_runs = -(-N // scene.run)
    each = 1 if scene.heard_by_all else scene.run
    source = rng.permutation(np.repeat(np.arange(N // each) % scene.n_sources, each).reshape(-1, each)).ravel()
    of_source = scene.gain + scene.luck * rng.standard_normal(scene.n_sources)
    p_won = np.clip(0.1 + of_source / 2, 0.01, 0.19)[source]
    draws = np.repeat(rng.random(n_runs), scene.run)[:N]
    gains = np.where(draws < p_won, 1, np.where(draws > 0.8 + p_won, -1, 0))  # 0.2 of all differ
    truth, wrong = rng.integers(0, 4, N), 1 + rng.integers(0, 3, N)
    both_wrong = (gains == 0) & (rng.random(N) < 0.1)
    champion = np.where((gains == 1) | both_wrong, (truth + wrong) % 4, truth)
    challenger = np.where((gains == -1) | both_wrong, (truth + wrong) % 4, truth)
    times = START + np.sort(rng.integers(0, 86_400, N)).astype("m8[s]")
    return PairedPredictions(
        "hold-out", *(column.astype(str) for column in (truth, champion, challenger, source)), times=times
    )


def unchanged(rng: np.random.Generator) -> PairedPredictions:
    """Return original data on which both models predict alike."""
    truth = rng.integers(0, 4, 300).astype(str)
    return PairedPredictions("hold-out", truth, truth, truth, np.arange(300).astype(str))


def decide(scene: Scene, index: int, *, as_recent: bool) -> PromotionDecision:
    rng = np.random.default_rng([index, scene.n_sources, scene.run, round(100 * scene.gain)])
    pair = paired(scene, rng)
    if not as_recent:
        return decide_promotion(pair)
    recent = PairedPredictions("recent", pair.truth, pair.champion, pair.challenger, pair.groups, pair.times)
    return decide_promotion(unchanged(rng), recent)


def share(scene: Scene, n_draws: int, *, as_recent: bool = False) -> float:
    return float(np.mean([decide(scene, index, as_recent=as_recent).is_better for index in range(n_draws)]))


def rows(*, short: bool) -> Sequence[Row]:
    """Return the rows of equal and of better challengers."""
    n_draws = 200 if short else 2000
    return [*_rows(n_draws), *_refusals(n_draws)]


def _rows(n_draws: int) -> Iterator[Row]:
    for n_sources in N_SOURCES:
        told = "one key" if n_sources == 1 else f"{n_sources} sources told"
        yield Row(f"equal, {told}: promoted", share(Scene(0.0, n_sources), n_draws), 0.05, n_draws)
        in_runs = share(Scene(0.0, n_sources, run=RUN), n_draws)
        yield Row(f"equal, {told}, labels in runs of {RUN}: promoted", in_runs, 0.05, n_draws)
        if n_sources > 1:
            at_once = share(Scene(0.0, n_sources, run=RUN, heard_by_all=True), n_draws)
            yield Row(f"equal, {told}, runs of {RUN} heard by all: promoted", at_once, 0.05, n_draws)
            lucky = share(Scene(0.0, n_sources, luck=LUCK), n_draws)
            yield Row(f"equal over all sources, {told}, with luck: promoted", lucky, 0.05, n_draws)
        better = share(Scene(0.1, n_sources), n_draws)
        yield Row(f"10 points better, {told}: promoted", better, 0.8, n_draws, is_floor=True)
        recent = share(Scene(0.1, n_sources), n_draws, as_recent=True)
        yield Row(f"10 points better on recent labels, {told}: promoted", recent, 0.8, n_draws, is_floor=True)


def _refusals(n_draws: int) -> Iterator[Row]:
    """Count refusals of somewhat better challengers that say how many labels would do."""
    refused = [
        found
        for index in range(n_draws // 4)
        if not (found := decide(Scene(0.04, 1), index, as_recent=False)).is_better
        and found.scores[0].won > found.scores[0].lost
    ]
    said = float(np.mean(["labelled recordings would show" in found.sentence for found in refused]))
    yield Row("refused for too few labels: the number that would do is said", said, 1.0, len(refused), is_floor=True)
