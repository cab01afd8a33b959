"""What a check found, in sentences: what is worth an alarm, what is worth watching, and of which kind it is."""

from dataclasses import dataclass, field

from auricle.monitoring.diagnosis.causes import Cause
from auricle.monitoring.drift.tests import Drift
from auricle.monitoring.performance.estimated import EstimatedPerformance
from auricle.monitoring.performance.measured import MeasuredPerformance
from auricle.monitoring.sources.sample import Sample

__all__ = ["LEAST_RECORDINGS", "LEAST_REFERENCE", "Findings"]

LEAST_RECORDINGS = 50
LEAST_REFERENCE = 20

WORSE = 0.05
"""Points of estimated accuracy, or part of the estimated error, that are worth watching."""


@dataclass(slots=True)
class Findings:
    """Sentences as they are found.

    Parameters
    ----------
    alarms : each worth an alarm
    doubts : worth watching, and no more
    kinds : of both, for what to do next
    """

    alarms: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def take_sizes(self, reference: Sample, window: Sample) -> bool:
        """Say whether there are recordings enough to compare."""
        if len(reference) < LEAST_REFERENCE:
            self.doubts.append(
                f"The model was trained on {len(reference)} recordings, too few to compare with: a test needs "
                f"{LEAST_REFERENCE}."
            )
        elif len(window) < LEAST_RECORDINGS:
            self.doubts.append(f"Not enough yet: {len(window)} of {LEAST_RECORDINGS} recordings.")
            self.kinds.append("few")
        return not self.doubts

    def take_drift(self, drift: Drift, causes: tuple[Cause, ...], rate: float) -> None:
        """Take what moved: its causes, or that it moved."""
        self.alarms += [cause.sentence for cause in causes]
        self.kinds += [cause.kind for cause in causes]
        if not causes and drift.alarms(rate):
            self.alarms.append(
                f"The recordings can be told from those of training (AUC {drift.row.auc:.2f}), though no measure or "
                "class alone moved far."
            )
            self.kinds.append("other")

    def take_doubtful(self, causes: tuple[Cause, ...], reference: Sample, window: Sample) -> None:
        """Take what would have moved if recordings of one group were independent."""
        few = window if window.is_grouped else reference
        n_groups = len(set(few.groups.tolist()))
        groups = "one group" if n_groups == 1 else f"{n_groups} groups"
        whose = "they" if few is window else "those of training"
        self.doubts += [cause.sentence for cause in causes]
        self.doubts.append(
            f"It is no alarm, because {whose} come from {groups}: this may be how groups differ, and no change."
        )
        self.kinds += [*(cause.kind for cause in causes), "groups"]

    def take_estimate(self, thought: EstimatedPerformance) -> None:
        """Take what the score is thought to be."""
        lost = 0.0 if thought.value is None else thought.reference - thought.value
        lost = lost if thought.score == "accuracy" else -lost / max(thought.reference, 1e-12)
        if thought.value is None:
            self.doubts.append(thought.reason)
        elif thought.is_worse and lost >= WORSE:
            what = "accuracy" if thought.score == "accuracy" else "mean absolute error"
            self.doubts.append(f"The {what} is estimated at {thought.value:.3g}, where it was {thought.reference:.3g}.")
        else:
            return
        self.kinds.append("far")

    def take_labels(self, scored: MeasuredPerformance) -> None:
        """Take what labels say."""
        if scored.is_worse:
            low, high = scored.interval
            what = "Accuracy" if scored.score == "accuracy" else "The mean absolute error"
            self.alarms.append(
                f"{what} is {scored.value:.3g} by {scored.n} labels (95% interval {low:.3g} to {high:.3g}), where it "
                f"was {scored.reference:.3g}."
            )
            self.kinds.append("worse")
        if scored.concept.is_found:
            found = scored.concept
            at = "" if found.at is None else f", by {found.at:%-d %B %Y, %H:%M}"
            self.alarms.append(
                f"Answers became wrong more often: {found.detector} saw it within {found.label} labels{at}."
            )
            self.kinds.append("concept")
        if scored.unheard:
            names = ", ".join(f"{name!r} ({n})" for name, n in list(scored.unheard.items())[:5])
            self.doubts.append(f"Labels that the model does not know: {names}.")
            self.kinds.append("new_class")
