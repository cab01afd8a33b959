"""What a training gives: the bundle, how it was chosen, how good it is, and the report of it."""

from dataclasses import dataclass
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
from auricle.evaluation.scores import VerdictKind, baseline, verdict_kind
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks
from auricle.models.family import Estimator
from auricle.reports.html import Page
from auricle.tasks.table import TASKS
from auricle.training.design_matrix import DesignMatrix
from auricle.training.learning_curve import Curve, learning_curve
from auricle.training.report import build_report
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.search import SearchResult

__all__ = ["TrainResult"]


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What a training gave.

    Parameters
    ----------
    bundle : the model, ready to save
    table : the rows that it was chosen and fitted on
    estimator : the fitted scikit-learn estimator that the bundle's graph was made from
    found : the search: every candidate, the held-out answers
    protocol : where its scores were taken
    leaks : what would make them untrue
    failures : recordings that were left out
    seconds : what it took
    workers : threads that it was made with; None for every core
    condition : what is wrong with recordings one by one, and what was done about mixtures of rates and lengths
    """

    bundle: Bundle
    dataset: Dataset
    examples: FeatureTable
    table: DesignMatrix
    estimator: Estimator
    found: SearchResult
    protocol: SplitPlan
    leaks: Leaks
    failures: tuple[Failure, ...]
    seconds: float
    workers: int | None = None
    condition: tuple[Finding, ...] = ()

    @cached_property
    def answered(self) -> ScoredPredictions:
        """The held-out recordings, with what was answered to them."""
        dataset = self.dataset.subset(self.found.tested)
        classes = self.dataset.classes
        truth = np.searchsorted(classes, dataset.labels) if classes else dataset.targets
        return ScoredPredictions(dataset, classes, truth, self.found.answers)

    @cached_property
    def uncalibrated(self) -> NDArray[np.float64]:
        """The chosen model's out-of-fold answers to all recordings before calibration, shape (n, n_classes or 1)."""
        if not self.dataset.classes:
            return self.found.out_of_fold
        how = self.bundle.manifest.calibration.recording
        return calibrate((log_probabilities(self.found.out_of_fold) - (how.bias or 0.0)) * how.temperature)

    @property
    def verdict_kind(self) -> VerdictKind:
        """Whether the held-out score lies above chance: ``better``, ``no_better`` or ``cannot_say``."""
        manifest = self.bundle.manifest
        chance_level = baseline(self.answered.truth, balanced=True) if manifest.classes else 0.0
        return verdict_kind(manifest.scores, task=manifest.task, chance_level=chance_level)

    @cached_property
    def report(self) -> Page:
        """The report: ``result.report.save("report.html")``. The learning curve is made for it."""
        return build_report(self, self.learning_curve())

    def learning_curve(self, *, progress: Progress | None = None) -> Curve:
        """Fit the chosen model to parts of the groups, and say whether more data is worth it; this takes a while."""
        chosen = next(trial for trial in self.found.trials if trial.candidate is self.found.chosen)
        return learning_curve(
            self.table,
            self.dataset.groups,
            self.found.chosen,
            self.protocol,
            self.uncalibrated,
            fit_s=chosen.fit_s,
            workers=self.workers,
            progress=progress,
        )

    def as_json(self, *, path: str | Path | None = None, curve: Curve | None = None) -> dict[str, Any]:
        """Return the summary that ``auricle train --json`` prints.

        Parameters
        ----------
        path : where the bundle was written
        curve : the learning curve, where it was made
        """
        manifest, found = self.bundle.manifest, self.found
        headline = TASKS[manifest.task].headline
        trials = [
            {
                "model": trial.candidate.name,
                "cv_score": _number(trial.score),
                "cv_sd": _number(trial.deviation),
                "fit_s": _number(trial.fit_s),
                "fate": trial.fate,
            }
            for trial in found.trials
        ]
        chosen = next(t for t in found.trials if t.candidate is found.chosen)
        return {
            "task": manifest.task,
            "n_recordings": len(self.dataset.examples),
            "n_windows": len(self.examples.rows),
            "classes": list(manifest.classes),
            "groups": len(set(self.dataset.groups)),
            "candidates": trials,
            "chosen": chosen.candidate.name,
            "settings": dict(chosen.candidate.settings),
            # Where every fold is tested in its turn, the score that nothing was selected on.
            "cv_score": manifest.scores[headline] if self.protocol.is_nested else chosen.score,
            "test": manifest.scores,
            "protocol": manifest.protocol,
            "verdict": manifest.verdict,
            "verdict_kind": self.verdict_kind,
            "leaks": [finding.as_json() for finding in self.leaks.findings],
            "condition": [finding.as_json() for finding in self.condition],
            **summary(self.answered),
            "learning_curve": None if curve is None else curve.as_json(),
            "window_s": manifest.spec.window_s,
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": self.seconds,
            "bundle": None if path is None else str(path),
        }


def _number(value: float) -> float | None:
    """Return a number as JSON has it: none where a candidate was not tried."""
    return None if np.isnan(value) else value
