"""Advice: what to do next, as sentences that follow from what was found."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.datasets.feature_table import Failure
from auricle.evaluation.breakdown import ScoredPredictions, by_class, by_column, confused
from auricle.inspection.findings import Finding

__all__ = ["next_steps"]

SURE = 0.9
"""Confidence of a wrong answer from which its label is worth a second look."""
OFTEN = 0.1
"""Share of a class that is taken for one other, from which the pair is named."""
ALWAYS = 0.95
"""Share of all answers that are one class, from which nothing else is said of them."""
WIDE = 0.2
FEW = 10


def next_steps(
    answered: ScoredPredictions,
    *,
    findings: Sequence[Finding] = (),
    failures: Sequence[Failure] = (),
    more_data: str | None = None,
    interval: tuple[float, float],
    is_useful: bool,
    in_training: bool = True,
) -> Iterator[str]:
    """Yield what to do, the most urgent first.

    Parameters
    ----------
    answered : answers with known truth
    findings : leaks, and whatever else was found in the data
    failures : recordings that could not be used
    more_data : whether more of it is worth it, where a learning curve says so
    interval : of the headline score
    is_useful : whether that clears a guess
    in_training : whether the model was just trained on these recordings, and not evaluated on them
    """
    serious = [finding.kind for finding in findings if finding.severity == "serious"]
    if serious:
        yield f"Mend this first, for no score means anything while it is there: {', '.join(serious)}."
    if not is_useful:
        yield (
            "Do not use this model. Ask whether someone can tell the answers by ear alone: if not, the recordings may "
            "not hold them; if so, look for wrong labels and for what the features miss."
        )
    yield from _by_answer(answered)
    yield from _by_column(answered)
    if any(finding.kind == "shortcut" for finding in findings):
        yield "Record every class under every condition: what gives the answer away now stands below, as a shortcut."
    if more_data is not None:
        yield more_data
    n_groups = np.unique(answered.dataset.groups).size
    if WIDE < interval[1] - interval[0] < np.inf:
        yield (
            f"Test on more groups: the score's interval spans {interval[0]:.2f} to {interval[1]:.2f}, for there are "
            f"only {n_groups} to judge by."
        )
    if in_training and answered.dataset.group_column is None and answered.dataset.folds is None:
        yield (
            "Every file counts as a group of its own. If several come from one machine, place or person, name that "
            "column with `--group`: else the score is too good for a new one."
        )
    if failures:
        yield f"Repair or remove what could not be used: {len(failures)} of the recordings."


def _by_answer(answered: ScoredPredictions) -> Iterator[str]:
    """Say which classes, labels or numbers to look at."""
    if not answered.classes:
        return
    counts = {one.label: one.n for one in by_class(answered)}
    said = np.bincount(answered.chosen, minlength=len(answered.classes))
    if said.max() > ALWAYS * len(answered.truth) and len(counts) > 1:
        name = answered.classes[int(said.argmax())]
        yield (
            f"Almost every answer is {name!r}, and {counts.get(name, 0)} of {len(answered.truth)} recordings are. "
            "Let every class weigh the same with `--balance`, and record more of the others."
        )
        return
    for truth, answer, times in confused(answered, most=3):
        if times >= 3 and times >= OFTEN * counts[truth]:
            yield (
                f"Listen to {truth!r} and {answer!r} side by side: {times} of {counts[truth]} recordings of the first "
                "are taken for the second. Record more of both, or ask whether they are two classes."
            )
    doubtful = int((~answered.right & (answered.confidence >= SURE)).sum())
    if doubtful:
        which = "1 recording that was" if doubtful == 1 else f"{doubtful} recordings that were"
        yield (
            f"Check the label of {which} answered otherwise with a confidence of {SURE} or more: the worst mistakes "
            "stand below with their files."
        )
    rare = [f"{label!r} ({n})" for label, n in counts.items() if n < FEW]
    if rare:
        shown = ", ".join(rare[:5]) + (f" and {len(rare) - 5} more" if len(rare) > 5 else "")
        yield f"Record more of the classes with fewer than {FEW} recordings: {shown}."


def _by_column(answered: ScoredPredictions) -> Iterator[str]:
    """Say where to record more."""
    worse = [(c, p.value) for c, parts in by_column(answered).items() for p in parts if p.is_worse]
    if worse:
        shown = ", ".join(f"`{column}` {value}" for column, value in worse[:5])
        yield f"Record more where answers are worse than elsewhere: {shown}."
