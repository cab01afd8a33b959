"""Advice after a training or an evaluation: the next steps, as sentences, from the scores and findings."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.datasets.feature_table import Failure
from auricle.evaluation.breakdown import ScoredPredictions, by_class, by_column, confused
from auricle.inspection.findings import Finding

__all__ = ["next_steps"]

SURE = 0.9
"""Least confidence of a wrong prediction from which its label is worth checking."""
OFTEN = 0.1
"""Least share of a class predicted as one other class from which the pair is named."""
ALWAYS = 0.95
"""Share of predictions of one class from which the other advice on classes is left out."""
WIDE = 0.2
"""Width of the headline's interval from which more groups are advised."""
FEW = 10
"""Recordings of a class below which more are advised."""


def next_steps(
    scored: ScoredPredictions,
    *,
    findings: Sequence[Finding] = (),
    failures: Sequence[Failure] = (),
    more_data: str | None = None,
    interval: tuple[float, float],
    is_useful: bool,
    in_training: bool = True,
) -> Iterator[str]:
    """Yield the next steps, the most urgent first.

    Parameters
    ----------
    scored : ScoredPredictions
    findings : sequence of Finding
        Leaks and other faults of the data.
    failures : sequence of Failure
        Recordings that could not be used.
    more_data : str or None
        The sentence of the learning curve.
    interval : tuple of float
        95% interval of the headline score.
    is_useful : bool
        Whether the score is not known to be no better than guessing.
    in_training : bool
        Whether the advice follows a training, not an evaluation.
    """
    serious = [finding.kind for finding in findings if finding.severity == "serious"]
    if serious:
        yield f"Fix this first; until then no score can be trusted: {', '.join(serious)}."
    if not is_useful:
        yield (
            "Do not use this model. Check whether a person can tell the classes or numbers by ear: if not, the "
            "recordings may not contain them; if so, look for wrong labels and for properties that the features miss."
        )
    yield from _by_prediction(scored)
    yield from _by_column(scored)
    if any(finding.kind == "shortcut" for finding in findings):
        yield "Record every class under every condition: the shortcut listed below predicts the class by itself."
    if more_data is not None:
        yield more_data
    yield from _by_groups(scored, interval)
    if in_training and scored.dataset.group_column is None and scored.dataset.folds is None:
        yield (
            "Each file counts as its own group. If several come from one machine, place or person, name that column "
            "with `--group`; otherwise the score is too optimistic for a new one."
        )
    if failures:
        yield f"Repair or remove the recordings that could not be used: {len(failures)}."


def _by_groups(scored: ScoredPredictions, interval: tuple[float, float]) -> Iterator[str]:
    """Yield advice on how many groups would make the interval of the headline narrow enough."""
    n_groups, width = int(np.unique(scored.dataset.groups).size), interval[1] - interval[0]
    column = scored.dataset.group_column
    other = (
        "recordings from other machines, places or people" if column is None else f"recordings of another `{column}`"
    )
    if n_groups == 1:
        yield f"Label {other}: from one group, nothing can be said about the next."
    elif WIDE < width < np.inf:
        more = "more groups" if column is None else f"more values of `{column}`"
        yield (
            f"Label recordings of at least {max(3, n_groups // 2)} {more}: with {n_groups}, the score's 95% interval "
            f"spans {interval[0]:.2f} to {interval[1]:.2f}."
        )


def _by_prediction(scored: ScoredPredictions) -> Iterator[str]:
    """Yield advice on classes and labels."""
    if not scored.classes:
        return
    n_by_class = {score.label: score.n for score in by_class(scored)}
    n_predicted = np.bincount(scored.predicted, minlength=len(scored.classes))
    if n_predicted.max() > ALWAYS * len(scored.truth) and len(n_by_class) > 1:
        name = scored.classes[int(n_predicted.argmax())]
        yield (
            f"Almost every prediction is {name!r}; {n_by_class.get(name, 0)} of {len(scored.truth)} recordings are. "
            "Give every class the same weight with `--balance`, and record more of the others."
        )
        return
    for truth, predicted, count in confused(scored, most=3):
        if count >= 3 and count >= OFTEN * n_by_class[truth]:
            yield (
                f"Listen to {truth!r} and {predicted!r} side by side: {count} of {n_by_class[truth]} recordings of the "
                "first are predicted as the second. Record more of both, or check whether they are two classes."
            )
    n_doubtful = int((~scored.correct & (scored.confidence >= SURE)).sum())
    if n_doubtful:
        which = "1 recording" if n_doubtful == 1 else f"{n_doubtful} recordings"
        yield (
            f"Check the label of {which} predicted as another class with a confidence of {SURE} or more; the worst "
            "mistakes are listed below with their files."
        )
    rare = [f"{label!r} ({n})" for label, n in n_by_class.items() if n < FEW]
    if rare:
        shown = ", ".join(rare[:5]) + (f" and {len(rare) - 5} more" if len(rare) > 5 else "")
        yield f"Record more of the classes with fewer than {FEW} recordings: {shown}."


def _by_column(scored: ScoredPredictions) -> Iterator[str]:
    """Yield advice on the metadata values to record more of."""
    worse = [(c, p.value) for c, parts in by_column(scored).items() for p in parts if p.is_worse]
    if worse:
        shown = ", ".join(f"`{column}` {value}" for column, value in worse[:5])
        yield f"Record more where the score is worse than elsewhere: {shown}."
