"""Result of a training: the bundle, the search and its held-out predictions, the learning curve and the report."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import calibrate, log_probabilities
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Failure, FeatureTable, Progress
from auricle.evaluation.breakdown import ScoredPredictions, summary
from auricle.evaluation.intervals import METHOD
from auricle.evaluation.scores import VerdictKind, baseline, scores_as_json, verdict_kind
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks
from auricle.inspection.sample_rate import SampleRate
from auricle.models.family import Estimator
from auricle.reports.html import Page
from auricle.tasks.table import TASKS
from auricle.training.learning_curve import LearningCurve, learning_curve
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.racing import Trial
from auricle.training.search.search import SearchResult
from auricle.training.search.training_data import TrainingData

__all__ = ["TrainResult"]


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A trained model, the search for it, and its held-out predictions.

    Parameters
    ----------
    bundle : Bundle
        The model, ready to save.
    dataset : Dataset
    examples : FeatureTable
        Under the spec of the chosen model.
    training_data : TrainingData
        The rows that the model was chosen and fitted on.
    estimator : Estimator
        The fitted scikit-learn estimator that the bundle's graph was converted from.
    search : SearchResult
        Every candidate, and the held-out predictions.
    plan : SplitPlan
        The split that scores were taken on.
    leaks : Leaks
        Leakage and confounders found in the data.
    independent_groups : (str array, shape (n_recordings,), str)
        The groups that intervals are taken over, and a sentence where nobody named them.
    failures : tuple of Failure
        Recordings that were left out.
    seconds : float
        Duration of the training.
    workers : int or None
        Its threads; None used every core.
    sample_rate : SampleRate
        The rate that the model hears at, why, and what it discards.
    recording_faults : tuple of Finding
        Faults of single recordings, and how mixed sample rates and lengths were treated.
    """

    bundle: Bundle
    dataset: Dataset
    examples: FeatureTable
    training_data: TrainingData
    estimator: Estimator
    search: SearchResult
    plan: SplitPlan
    leaks: Leaks
    independent_groups: tuple[NDArray[np.str_], str]
    failures: tuple[Failure, ...]
    sample_rate: SampleRate
    seconds: float
    workers: int | None = None
    recording_faults: tuple[Finding, ...] = ()

    @cached_property
    def scored(self) -> ScoredPredictions:
        """The held-out recordings with their predictions and true values, in the groups of the intervals."""
        pairs = zip(self.dataset.examples, self.independent_groups[0], strict=True)
        independent = replace(self.dataset, examples=tuple(replace(each, group=str(group)) for each, group in pairs))
        dataset = independent.subset(self.search.tested)
        classes = self.dataset.classes
        truth = np.searchsorted(classes, dataset.labels) if classes else dataset.targets
        return ScoredPredictions(dataset, classes, truth, self.search.predictions)

    @cached_property
    def uncalibrated(self) -> NDArray[np.float64]:
        """The chosen model's out-of-fold predictions before calibration, shape (n_recordings, n_classes or 1)."""
        if not self.dataset.classes:
            return self.search.out_of_fold
        scaling = self.bundle.manifest.calibration.recording
        return calibrate((log_probabilities(self.search.out_of_fold) - (scaling.bias or 0.0)) * scaling.temperature)

    @property
    def chance_level(self) -> float:
        """Balanced accuracy of a random guess on the held-out recordings; for numbers 0, the R² of their mean."""
        return baseline(self.scored.truth, balanced=True) if self.bundle.manifest.classes else 0.0

    @property
    def verdict_kind(self) -> VerdictKind:
        """Whether the held-out score lies above chance: ``better``, ``no_better`` or ``cannot_say``."""
        manifest = self.bundle.manifest
        return verdict_kind(manifest.scores, task=manifest.task, chance_level=self.chance_level)

    @cached_property
    def report(self) -> Page:
        """The report, with a learning curve made for it: ``result.report.save("report.html")``."""
        # Imported late: the report reads a TrainResult.
        from auricle.training.report import build_report

        return build_report(self, self.learning_curve())

    def learning_curve(self, *, progress: Progress | None = None) -> LearningCurve:
        """Fit the chosen model to parts of the groups, in up to half a minute, to see whether more data would help."""
        return learning_curve(
            self.training_data,
            self.dataset.groups,
            self.search.chosen,
            self.plan,
            self.uncalibrated,
            fit_s=self._chosen_trial.fit_s,
            workers=self.workers,
            progress=progress,
        )

    @property
    def _chosen_trial(self) -> Trial:
        return next(trial for trial in self.search.trials if trial.candidate is self.search.chosen)

    def as_json(self, *, path: str | Path | None = None, curve: LearningCurve | None = None) -> dict[str, Any]:
        """Return the summary that ``auricle train --json`` prints.

        Parameters
        ----------
        path : str, Path or None
            File of the bundle.
        curve : LearningCurve or None
        """
        manifest, chosen = self.bundle.manifest, self._chosen_trial
        headline = TASKS[manifest.task].headline
        trials = [
            {
                "model": trial.candidate.name,
                "cv_score": _finite(trial.score),
                "cv_sd": _finite(trial.deviation),
                "fit_s": _finite(trial.fit_s),
                "fate": trial.status,
            }
            for trial in self.search.trials
        ]
        return {
            "task": manifest.task,
            "n_recordings": len(self.dataset.examples),
            "n_windows": len(self.examples.rows),
            "sample_rate": self.sample_rate.as_json(),
            "omitted": [one.as_json() for one in self.dataset.omitted],
            "classes": list(manifest.classes),
            "groups": len(set(self.dataset.groups)),
            "candidates": trials,
            "chosen": chosen.candidate.name,
            "settings": dict(chosen.candidate.settings),
            # Where every fold is tested in turn, the score that nothing was selected on.
            "cv_score": manifest.scores[headline] if self.plan.is_nested else chosen.score,
            "test": scores_as_json(manifest.scores),
            "interval_method": METHOD,
            "interval_groups": self.independent_groups[1] or None,
            "protocol": manifest.protocol,
            "verdict": manifest.verdict,
            "verdict_kind": self.verdict_kind,
            "leaks": [finding.as_json() for finding in self.leaks.findings],
            "condition": [finding.as_json() for finding in self.recording_faults],
            **summary(self.scored),
            "learning_curve": None if curve is None else curve.as_json(),
            "window_s": manifest.spec.window_s,
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": self.seconds,
            "bundle": None if path is None else str(path),
        }


def _finite(value: float) -> float | None:
    """Return a number, or None for the NaN of a candidate that was skipped, which JSON lacks."""
    return None if np.isnan(value) else value
