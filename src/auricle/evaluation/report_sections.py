"""Report sections on scored predictions, for the pages of a training and of an evaluation."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Failure
from auricle.evaluation.breakdown import (
    ClassScore,
    ReliabilityBin,
    ScoredPredictions,
    Subgroup,
    by_class,
    by_column,
    confused,
    confusion,
    mistakes,
    reliability,
)
from auricle.evaluation.intervals import METHOD
from auricle.evaluation.scores import Scores
from auricle.inspection.findings import file_name
from auricle.reports import charts
from auricle.reports.html import Block, Gallery, Numbers, Picture, Table, Text, picture
from auricle.tasks.table import TASKS

__all__ = ["calibration", "classes", "columns", "failed", "headline", "numbers", "worst"]

MAX_CLASSES = 40
MAX_COLUMNS = 12
MAX_FAILURES = 40
MIN_DRAWN = 5
"""Fewest recordings of a confidence bin that is drawn."""

SCORE_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean square error",
}
_MEANINGS = {
    "accuracy": "share of recordings predicted correctly",
    "balanced_accuracy": "mean over the classes of the share predicted correctly",
    "macro_f1": "harmonic mean of precision and recall, averaged over the classes",
    "log_loss": "0 for certain and correct predictions; penalises confident mistakes",
    "ece": "mean distance between confidence and accuracy",
    "r2": "1 is perfect; predicting the mean scores 0",
    "mae": "in the unit of the target",
    "rmse": "in the unit of the target; large errors weigh more",
}


def failed(dataset: Dataset, failures: Sequence[Failure], *, cannot_be: str) -> Table:
    """List the files that failed, with their errors.

    Parameters
    ----------
    dataset : Dataset
    failures : sequence of Failure
        At least one.
    cannot_be : str
        "used" or "predicted".
    """
    rows = tuple((file_name(dataset, failure.file), str(failure.error)) for failure in failures[:MAX_FAILURES])
    more = f"The first {MAX_FAILURES} of " if len(failures) > MAX_FAILURES else ""
    return Table(("file", "error"), rows, caption=f"{more}{len(failures)} recordings that cannot be {cannot_be}.")


def headline(scored: Scores, *, chance_level: float | None) -> Iterator[Block]:
    """Show the scores with their 95% intervals and the chance level.

    Parameters
    ----------
    scored : dict
        Scores as ``train --json`` prints them under ``test``.
    chance_level : float or None
        Balanced accuracy of a random guess; None for numbers.
    """
    facts = TASKS["regress" if chance_level is None else "classify"]
    yield Numbers(
        (
            (_number(scored[facts.verdict_score], ".2f"), facts.verdict_name),
            (_between(scored[facts.verdict_interval]), "95% interval"),
            (f"{chance_level or 0:.2f}", "predicting the mean" if chance_level is None else "chance level"),
            (f"{scored['n_recordings']}", "recordings"),
        )
    )
    intervals = {"accuracy": "ci95", "balanced_accuracy": "balanced_accuracy_ci95", "r2": "ci95"}
    baselines = {"accuracy": scored["baseline"], "balanced_accuracy": chance_level, "r2": 0.0}
    rows = []
    for key, name in SCORE_NAMES.items():
        if key not in scored:
            continue
        ci95 = scored[intervals[key]] if key in intervals else None
        rows.append(
            (
                name,
                _number(scored[key], ".3f" if chance_level is not None or key == "r2" else ".4g"),
                _between(ci95) if ci95 else "",
                f"{baselines[key]:.3f}" if key in baselines else "",
                _MEANINGS[key],
            )
        )
    n_groups = scored.get("n_groups")
    of_groups = (
        "" if n_groups is None else f" The independent observations are {n_groups} group{'s' * (n_groups != 1)}."
    )
    yield Table(
        ("score", "value", "95% interval", "baseline", "meaning"),
        tuple(rows),
        caption=f"Intervals: {METHOD}.{of_groups}",
    )


def classes(scored: ScoredPredictions) -> Iterator[Block]:
    """Show the scores of each class, the confusion matrix and the most frequent confusions."""
    scores = by_class(scored)
    shown = sorted(scores, key=lambda score: score.f1)[:MAX_CLASSES]
    yield Table(
        ("class", "recordings", "groups", "recall", "95% interval", "precision", "F1"),
        tuple(_class_row(score) for score in shown),
        caption=(f"The {MAX_CLASSES} worst of {len(scores)} classes by F1. " if len(scores) > len(shown) else "By F1. ")
        + "Recall: the share of the class that is predicted as the class. Precision: the share of predictions of the "
        "class that are correct. Intervals are of the recall, over groups.",
    )
    n = len(scored.classes)
    side = min(9.0, 2.6 + 0.42 * n) if n <= 20 else 8.5
    figure, axes = charts.blank(side, side * 0.92)
    charts.matrix(axes[0, 0], confusion(scored), names=scored.classes)
    yield picture(
        figure,
        "Confusion matrix: number of recordings by true and predicted class",
        caption="Rows are true classes, columns predicted ones; shades are shares of a row. The diagonal is correct.",
    )
    pairs = [pair for pair in confused(scored) if pair[2] > 1]
    if pairs:
        totals = {score.label: score.n for score in scores}
        yield Table(
            ("true class", "predicted class", "recordings", "share of the class"),
            tuple((a, b, f"{n}", f"{n / totals[a]:.0%}") for a, b, n in pairs),
            caption="The most frequent confusions.",
        )


def _class_row(score: ClassScore) -> tuple[str, ...]:
    numbers = (f"{score.precision:.2f}", f"{score.f1:.2f}")
    return (score.label, f"{score.n}", f"{score.n_groups}", f"{score.recall:.2f}", _between(score.ci95), *numbers)


def calibration(scored: ScoredPredictions, before: ScoredPredictions | None = None) -> Iterator[Block]:
    """Show the reliability diagram and the histogram of confidence; before calibration too where it is known."""
    groups = scored.dataset.groups
    bins = reliability(scored.confidence, scored.correct, groups)
    drawn = [b for b in bins if b.n >= MIN_DRAWN]
    curves: list[charts.Curve] = []
    if before is not None:
        raw = [b for b in reliability(before.confidence, before.correct, groups) if b.n >= MIN_DRAWN]
        curves.append(("before", charts.WARM, [b.confidence for b in raw], [b.accuracy for b in raw], None))
    ends = np.array([b.ci95 for b in drawn]).reshape(-1, 2)
    curves.append(("calibrated", charts.ACCENT, [b.confidence for b in drawn], [b.accuracy for b in drawn], ends))
    figure, axes = charts.blank(7.6, 3.6, columns=2)
    charts.calibration(axes[0, 0], curves)
    charts.title(axes[0, 0], "Reliability")
    charts.histogram(axes[0, 1], scored.confidence, title="Confidence", unit="confidence")
    axes[0, 1].set_ylabel("recordings")
    yield picture(
        figure,
        "Accuracy against confidence, and a histogram of confidence",
        caption="On the dashed line, confidence equals accuracy. Above it the model is underconfident, below it "
        "overconfident. Bars are 95% intervals over groups; bins with fewer than "
        f"{MIN_DRAWN} recordings are not drawn.",
    )
    yield Table(
        ("confidence", "recordings", "mean confidence", "accuracy", "95% interval"), tuple(_bin_row(b) for b in bins)
    )


def _bin_row(each: ReliabilityBin) -> tuple[str, ...]:
    bounds = f"{each.low:.1f} to {each.high:.1f}"
    return (bounds, f"{each.n}", f"{each.confidence:.2f}", f"{each.accuracy:.2f}", _between(each.ci95))


def numbers(scored: ScoredPredictions) -> Iterator[Block]:
    """Show predicted against true numbers, and the residuals."""
    predicted, errors = scored.predictions[:, 0], scored.errors
    figure, axes = charts.blank(9.0, 3.4, columns=3)
    charts.scatter(axes[0, 0], scored.truth, predicted, xlabel="true", ylabel="predicted", diagonal=True)
    charts.title(axes[0, 0], "Predicted against true")
    charts.scatter(axes[0, 1], predicted, errors, xlabel="predicted", ylabel="predicted - true", diagonal=False)
    charts.title(axes[0, 1], "Residuals")
    charts.histogram(axes[0, 2], errors, title="Residuals", unit="predicted - true")
    axes[0, 2].set_ylabel("recordings")
    slope = float(np.polyfit(scored.truth, errors, 1)[0]) if np.ptp(scored.truth) else 0.0
    shrinks = "Small numbers are predicted too high and large ones too low, as an uncertain model does. "
    yield picture(
        figure,
        "Predicted against true numbers, residuals against predictions, and a histogram of residuals",
        caption=(shrinks if slope < -0.15 else "")
        + f"The mean residual is {errors.mean():+.3g}; half of the predictions lie within "
        f"{float(np.median(np.abs(errors))):.3g} of the true number.",
    )


def columns(scored: ScoredPredictions) -> Iterator[Block]:
    """Show the score of each value of each column, and name the values that are clearly worse than the rest."""
    found = by_column(scored)
    if not found:
        yield Text("There is no column with 2 to 24 values to compare by, such as a site, a device or a speaker.")
        return
    worse = [(column, part) for column, parts in found.items() for part in parts if part.is_worse]
    score_name = TASKS[scored.dataset.task].part_score
    for column, part in worse:
        yield Text(
            f"`{column}` {part.value} is clearly worse than the rest: {score_name} {part.score:.3g} (95% interval "
            f"{_between(part.ci95)}) on {part.n} recordings."
        )
    if not worse:
        yield Text("No value of any column is clearly worse than the rest.")
    shown = sorted(found.items(), key=lambda item: -sum(part.is_worse for part in item[1]))[:MAX_COLUMNS]
    yield Gallery(tuple(_column_picture(scored, column, parts, score_name) for column, parts in shown))
    if len(found) > len(shown):
        yield Text(f"{len(found) - len(shown)} more columns are in the JSON output.")


def _column_picture(scored: ScoredPredictions, column: str, parts: Sequence[Subgroup], score_name: str) -> Picture:
    overall = float(scored.correct.mean()) if scored.classes else float(np.abs(scored.errors).mean())
    upper = 1.0 if scored.classes else 3 * max(part.score for part in parts)
    ends = [(max(0.0, part.ci95[0]), min(upper, part.ci95[1])) for part in parts]
    figure, axes = charts.blank(3.6, 0.8 + 0.22 * len(parts))
    charts.whiskers(
        axes[0, 0],
        [f"{part.value} ({part.n})" for part in parts],
        [part.score for part in parts],
        ends,
        xlabel=score_name,
        marked=[part.is_worse for part in parts],
        line=overall,
    )
    caption = f"`{column}`: {score_name} by value, with the number of recordings; the dashed line is the score of all."
    return picture(figure, f"{score_name} by {column}", caption=caption)


def worst(scored: ScoredPredictions) -> Iterator[Block]:
    """List the worst mistakes with their files."""
    found = mistakes(scored)
    if not found:
        yield Text("There are none: every recording was predicted correctly.")
        return
    if scored.classes:
        yield Table(
            ("file", "true class", "predicted class", "confidence"),
            tuple((wrong.file, wrong.truth, wrong.answer, f"{wrong.confidence:.2f}") for wrong in found),
            caption=f"The most confident of {int((~scored.correct).sum())} wrong predictions. Listen to them: a label "
            "may be wrong, or the recording unlike the rest of its class.",
        )
    else:
        yield Table(
            ("file", "true", "predicted", "error"),
            tuple((wrong.file, wrong.truth, wrong.answer, f"{wrong.error:+.4g}") for wrong in found),
            caption="The predictions with the largest error. Listen to them: the true number may be wrong, or the "
            "sound unusual.",
        )


def _number(value: float, pattern: str) -> str:
    return format(value, pattern) if np.isfinite(value) else "unknown"


def _between(interval: Sequence[float]) -> str:
    low, high = interval
    if not np.isfinite([low, high]).all():
        return "unknown"
    return f"{low:.2f} to {high:.2f}" if max(abs(low), abs(high)) < 10 else f"{low:.4g} to {high:.4g}"
