"""Whether a challenger takes the champion's place: the gates that it must pass, and the sentence that says why."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from auricle.lifecycle.paired_predictions import ClassScore, PairedPredictions, Score, by_class, score
from auricle.lifecycle.paired_tests import holm

__all__ = ["LEAST", "MARGIN", "RATE", "PromotionDecision", "decide_promotion"]

RATE: Final = 0.05
"""How often an equal challenger may look better, and an equal class look worse."""
MARGIN: Final = 0.02
"""What may be lost on the hold-out: of balanced accuracy, or, of numbers, in standard deviations of the target."""
LEAST: Final = 12
"""Fewest recordings that say something about a model."""


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """What the gates say of a challenger.

    Parameters
    ----------
    is_better : whether all of them let it pass
    sentence : why, or why not
    scores : of each set of recordings
    classes : of each class in each set, those that fell first; none for numbers
    new_classes : those that the champion does not know
    rate, margin : what the gates ask
    """

    is_better: bool
    sentence: str
    scores: tuple[Score, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    new_classes: tuple[str, ...] = ()
    rate: float = RATE
    margin: float = MARGIN

    def as_json(self) -> dict[str, Any]:
        """Return the judgement with every number."""
        return asdict(self)


def decide_promotion(
    hold_out: PairedPredictions,
    recent: PairedPredictions | None = None,
    *,
    new_classes: tuple[str, ...] = (),
    rate: float = RATE,
    margin: float = MARGIN,
) -> PromotionDecision:
    """Judge a challenger by what it and the champion answered to recordings that neither trained on.

    It is better if a paired test says so on the hold-out or on the recent recordings (Holm over both), and if it is not
    worse: the hold-out's balanced accuracy has not fallen by more than the margin, the recent recordings show no
    significant loss, and no class has fallen by more than the margin and significantly.

    Parameters
    ----------
    recent : what was labelled since; None, or fewer than ``LEAST``, leave the hold-out alone to decide
    new_classes : those that the champion does not know; its answers to them are wrong, and count in the paired test,
        and not in balanced accuracy
    rate : of challengers no better than the champion that may look so
    margin : see ``MARGIN``

    Raises
    ------
    DataError : two answers to different numbers of recordings
    """
    sets = [one for one in (hold_out, recent) if one is not None and len(one.truth) >= LEAST]
    if hold_out not in sets:
        few = f"Not enough yet to judge by: {len(hold_out.truth)} of {LEAST} recordings that both models can be asked."
        return PromotionDecision(is_better=False, sentence=few, new_classes=new_classes, rate=rate, margin=margin)
    scores = tuple(score(one, new_classes) for one in sets)
    classes = [found for one in sets for found in by_class(one, new_classes, rate=rate, margin=margin)]
    loss = _loss(hold_out, scores[0])
    gains = holm([one.p_better for one in scores])
    best = min(range(len(scores)), key=lambda index: gains[index])
    told = _told(scores[best], gains[best])
    against = [f"no gain is beyond chance: {told}"] if gains[best] >= rate else []
    against += _objections(scores, classes, loss, rate, margin)
    fallen = ", and no class has fallen" if classes else ""
    held = f"The challenger is better: {told}; on the hold-out it {_held(scores[0], loss)}{fallen}."
    return PromotionDecision(
        is_better=not against,
        sentence=f"The champion stays: {'; '.join(against)}." if against else held,
        scores=scores,
        classes=tuple(sorted(classes, key=lambda one: (not one.has_fallen, one.p_worse))),
        new_classes=new_classes,
        rate=rate,
        margin=margin,
    )


def _loss(hold_out: PairedPredictions, one: Score) -> float:
    """Return what the challenger loses on the hold-out, in the margin's measure; below 0 for a gain."""
    if hold_out.is_classified:
        return one.champion - one.challenger
    return (one.challenger - one.champion) / (float(hold_out.truth.std()) or 1.0)


def _objections(
    scores: Sequence[Score], classes: Sequence[ClassScore], loss: float, rate: float, margin: float
) -> Iterator[str]:
    if loss > margin + 1e-9:
        yield f"on the hold-out the challenger {_held(scores[0], loss)}, and may lose {_of_margin(scores[0], margin)}"
    for recent in scores[1:]:
        if recent.p_worse < rate:
            yield f"it is worse on the recent recordings ({_from_to(recent)}, p = {recent.p_worse:.2g})"
    for one in classes:
        if one.has_fallen:
            yield (
                f"class {one.label!r} has fallen on the {one.where} recordings from {one.champion:.2f} to "
                f"{one.challenger:.2f} (p = {one.p_worse:.2g})"
            )


def _told(one: Score, p: float) -> str:
    by = "by group" if one.tested_by == "group" else "by recording"
    return (
        f"on {one.n_recordings} {one.where} recordings {_from_to(one)}, {one.won} won and {one.lost} lost, "
        f"p = {p:.2g} {by}"
    )


def _from_to(one: Score) -> str:
    if one.champion_accuracy is None or one.challenger_accuracy is None:
        return f"its mean error is {one.challenger:.4g} against {one.champion:.4g}"
    return f"it is right on {one.challenger_accuracy:.0%} against {one.champion_accuracy:.0%}"


def _held(one: Score, loss: float) -> str:
    change = "loses" if loss > 0 else "gains"
    return f"{change} {_of_margin(one, abs(loss))}"


def _of_margin(one: Score, amount: float) -> str:
    if one.champion_accuracy is None:
        return f"{amount:.3f} standard deviations of mean error"
    return f"{100 * amount:.1f} points of balanced accuracy"
