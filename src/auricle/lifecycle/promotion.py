"""Promotion: the gates that a challenger must pass to replace the champion, and the decision with its reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from auricle.lifecycle.paired_predictions import ClassScore, PairedPredictions, Score, score, score_by_class
from auricle.lifecycle.paired_tests import holm_adjusted, recordings_needed

__all__ = ["HELD_OUT_SHARE", "MARGIN", "MIN_RECORDINGS", "RATE", "PromotionDecision", "decide_promotion"]

RATE: Final = 0.05
"""Rate at which an equal challenger may seem better, or an equal class worse."""
MARGIN: Final = 0.02
"""Largest loss on the hold-out: in balanced accuracy, or for numbers in standard deviations of the target."""
RECENT_SHARE: Final = 0.5
"""Least share of the rate that recent recordings get: what a challenger learned since shows there."""
MIN_RECORDINGS: Final = 12
"""Fewest recordings for a comparison."""
HELD_OUT_SHARE: Final = 1 / 3
"""Share of the labelled recordings that is held out of training, to compare by."""


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """Decision on a challenger.

    Parameters
    ----------
    is_better : bool
        Whether it passed all gates.
    sentence : str
        Reasons.
    scores : tuple of Score
        One per set of recordings.
    classes : tuple of ClassScore
        One per class and set, fallen classes first; empty for numbers.
    new_classes : tuple of str
        Classes that the champion does not know.
    rate, margin : float
        Settings of the gates.
    holds_for : str
        For whom it is better: "this source", "these 4 sources"; empty for all like those compared, and where it is not.
    recordings_needed : int or None
        Where the gain is too small for the recordings compared: how many would show it in 80% of comparisons.
    """

    is_better: bool
    sentence: str
    scores: tuple[Score, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    new_classes: tuple[str, ...] = ()
    rate: float = RATE
    margin: float = MARGIN
    holds_for: str = ""
    recordings_needed: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the decision with all its figures."""
        return asdict(self)


def decide_promotion(
    hold_out: PairedPredictions,
    recent: PairedPredictions | None = None,
    *,
    new_classes: tuple[str, ...] = (),
    rate: float = RATE,
    margin: float = MARGIN,
) -> PromotionDecision:
    """Decide whether a challenger is better than the champion, on recordings that neither was trained on.

    It must be significantly better on the hold-out or on the recent recordings (paired tests, Holm over both), and not
    worse: the hold-out's balanced accuracy must not fall by more than the margin, the recent recordings must show no
    significant loss, and no class may fall significantly and by more than the margin.

    Parameters
    ----------
    hold_out : PairedPredictions
    recent : PairedPredictions, optional
        Recordings labelled since; ignored with fewer than ``MIN_RECORDINGS``.
    new_classes : tuple of str
        Classes that the champion does not know: its predictions for them are wrong and count in the paired test, but
        not in balanced accuracy.
    rate : float
        Rate at which equal challengers may seem better.
    margin : float
        See ``MARGIN``.

    Raises
    ------
    DataError
        Predictions for different numbers of recordings.
    """
    sets = [one for one in (hold_out, recent) if one is not None and len(one.truth) >= MIN_RECORDINGS]
    if hold_out not in sets:
        few = f"Not enough yet to compare: {len(hold_out.truth)} of {MIN_RECORDINGS} recordings new to both models."
        return PromotionDecision(is_better=False, sentence=few, new_classes=new_classes, rate=rate, margin=margin)
    scores = tuple(score(one, new_classes) for one in sets)
    classes = [found for one in sets for found in score_by_class(one, new_classes, rate=rate, margin=margin)]
    loss = _loss(hold_out, scores[0])
    shares = _shares_of_rate(scores)
    gains = holm_adjusted([one.p_better for one in scores], shares)
    passes = [gain < rate and one.is_shared for gain, one in zip(gains, scores, strict=True)]
    best = min(range(len(scores)), key=lambda index: (not passes[index], gains[index]))
    gain = _gain_sentence(scores[best], gains[best])
    objections, needed = [], None
    if gains[best] >= rate:
        needed = _recordings_needed(scores[best], rate * shares[best])
        objections.append(f"no significant gain: {gain}{_labels_sentence(scores[best], needed)}")
    elif not scores[best].is_shared:
        objections.append(f"{_single_sentence(scores[best])}: {gain}")
    objections += _objections(scores, classes, loss, rate, margin)
    fallen = ", and no class has fallen" if classes else ""
    change = f"on the hold-out it {_hold_out_change(scores[0], loss)}"
    whom = f" for {scores[best].holds_for}" if scores[best].holds_for else ""
    promoted = f"The challenger is better{whom}: {gain}; {change}{fallen}."
    return PromotionDecision(
        is_better=not objections,
        sentence=f"The champion stays: {'; '.join(objections)}." if objections else promoted,
        scores=scores,
        classes=tuple(sorted(classes, key=lambda one: (not one.has_fallen, one.p_worse))),
        new_classes=new_classes,
        rate=rate,
        margin=margin,
        holds_for="" if objections else scores[best].holds_for,
        recordings_needed=needed,
    )


def _shares_of_rate(scores: Sequence[Score]) -> list[float]:
    """Return the share of the rate that each set gets: by the recordings on which the models differ.

    A set on which they hardly differ can show nothing, and would take its share for nothing. Sign flips keep the number
    of these recordings, so that shares that depend on it keep the rate.
    """
    if len(scores) < 2:
        return [1.0]
    n_differing = [one.won + one.lost for one in scores]
    recent = max(RECENT_SHARE, n_differing[1] / max(1, sum(n_differing)))
    recent = min(recent, 1.0 - 1e-6)
    return [1.0 - recent, recent]


def _loss(hold_out: PairedPredictions, one: Score) -> float:
    """Return the challenger's loss on the hold-out, in units of the margin; negative for a gain."""
    if hold_out.is_classified:
        return one.champion - one.challenger
    return (one.challenger - one.champion) / (float(hold_out.truth.std()) or 1.0)


def _objections(
    scores: Sequence[Score], classes: Sequence[ClassScore], loss: float, rate: float, margin: float
) -> Iterator[str]:
    if loss > margin + 1e-9:
        yield (
            f"on the hold-out the challenger {_hold_out_change(scores[0], loss)}, and may lose at most "
            f"{_amount(scores[0], margin)}"
        )
    for recent in scores[1:]:
        if recent.p_worse < rate:
            yield f"it is worse on the recent recordings ({_score_sentence(recent)}, p = {recent.p_worse:.2g})"
    for one in classes:
        if one.has_fallen:
            yield (
                f"class {one.label!r} has fallen on the {one.where} recordings from {one.champion:.2f} to "
                f"{one.challenger:.2f} (p = {one.p_worse:.2g})"
            )


def _recordings_needed(one: Score, rate: float) -> int | None:
    """Return how many recordings would show the gain seen so far, if it is one."""
    needed = recordings_needed(one.won, one.lost, one.n_recordings, rate=rate, design_effect=one.design_effect)
    return None if needed is None else max(needed, one.n_recordings + 1)  # those compared have not shown it


def _labels_sentence(one: Score, needed: int | None) -> str:
    if needed is None:
        return ""
    given = f" ({round(needed / HELD_OUT_SHARE)} labels, of which a third is compared)" if one.where == "recent" else ""
    return f"; about {needed} labelled recordings would show a gain like this one{given}"


def _single_sentence(one: Score) -> str:
    """Say that a gain is not shared."""
    if one.tested_by == "group":
        return "the gain is that of single stretches of time, heard by many groups at once"
    return f"the gain is that of single sources, and the {one.n_groups} sources differ too much"


def _gain_sentence(one: Score, p: float) -> str:
    by = {"group": "by group", "time": f"over {one.n_units} blocks of time", "recording": "by recording"}[one.tested_by]
    where = "frozen hold-out" if one.is_frozen else one.where
    return (
        f"on {one.n_recordings} {where} recordings {_score_sentence(one)}, {one.won} won and {one.lost} lost, "
        f"p = {p:.2g} {by}"
    )


def _score_sentence(one: Score) -> str:
    if one.champion_accuracy is None or one.challenger_accuracy is None:
        return f"its mean absolute error is {one.challenger:.4g} against {one.champion:.4g}"
    return f"its accuracy is {one.challenger_accuracy:.0%} against {one.champion_accuracy:.0%}"


def _hold_out_change(one: Score, loss: float) -> str:
    change = "loses" if loss > 0 else "gains"
    return f"{change} {_amount(one, abs(loss))}"


def _amount(one: Score, amount: float) -> str:
    if one.champion_accuracy is None:
        return f"{amount:.3f} standard deviations of mean error"
    return f"{100 * amount:.1f} points of balanced accuracy"
