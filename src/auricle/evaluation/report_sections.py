"""Sections of a report on answers with known truth, whether they were given in training or by a finished model."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Failure
from auricle.evaluation.breakdown import (
    Bin,
    ClassScore,
    Part,
    ScoredPredictions,
    by_class,
    by_column,
    confused,
    confusion,
    mistakes,
    reliability,
)
from auricle.evaluation.scores import Scores
from auricle.inspection.findings import file_name
from auricle.reports import charts
from auricle.reports.html import Block, Gallery, Numbers, Picture, Table, Text, picture

__all__ = ["calibration", "classes", "columns", "failed", "headline", "numbers", "worst"]

MAX_CLASSES = 40
MAX_COLUMNS = 12
MAX_FAILURES = 40
MIN_DRAWN = 5
"""Recordings from which a tenth of confidence is drawn."""

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean square error",
}
_MEANS = {
    "accuracy": "share of recordings answered rightly",
    "balanced_accuracy": "the same for each class, and the mean of these",
    "macro_f1": "misses and false alarms of each class, weighed alike",
    "log_loss": "0 for certain and right answers; punishes confident mistakes",
    "ece": "how far confidence and accuracy lie apart, on average",
    "r2": "1 is perfect; always answering the mean gets 0",
    "mae": "in the unit of the target",
    "rmse": "in the unit of the target; large errors weigh more",
}


def failed(dataset: Dataset, failures: Sequence[Failure], *, cannot_be: str) -> Table:
    """Show which files failed, and why.

    Parameters
    ----------
    dataset : whose files they are
    failures : at least one
    cannot_be : what they cannot be: used, answered
    """
    rows = tuple((file_name(dataset, one.file), str(one.error)) for one in failures[:MAX_FAILURES])
    more = f"The first {MAX_FAILURES} of " if len(failures) > MAX_FAILURES else ""
    return Table(("file", "why"), rows, caption=f"{more}{len(failures)} recordings that cannot be {cannot_be}.")


def headline(scored: Scores, *, guess: float | None) -> Iterator[Block]:
    """Show the scores with their intervals, and what a guess gets.

    Parameters
    ----------
    scored : as ``train --json`` prints them under ``test``
    guess : balanced accuracy of a guess; None for numbers
    """
    main = "balanced_accuracy" if guess is not None else "r2"
    low, high = scored["balanced_accuracy_ci95" if guess is not None else "ci95"]
    yield Numbers(
        (
            (_number(scored[main], ".2f"), _NAMES[main]),
            (_between((low, high)), "its 95% interval"),
            (f"{guess or 0:.2f}", "what a guess gets" if guess is not None else "what the mean gets"),
            (f"{scored['n_recordings']}", "recordings answered"),
        )
    )
    intervals = {"accuracy": "ci95", "balanced_accuracy": "balanced_accuracy_ci95", "r2": "ci95"}
    guesses = {"accuracy": scored["baseline"], "balanced_accuracy": guess, "r2": 0.0}
    rows = []
    for name, words in _NAMES.items():
        if name not in scored:
            continue
        ends = scored[intervals[name]] if name in intervals else None
        rows.append(
            (
                words,
                _number(scored[name], ".3f" if guess is not None or name == "r2" else ".4g"),
                _between(ends) if ends else "",
                f"{guesses[name]:.3f}" if name in guesses else "",
                _MEANS[name],
            )
        )
    yield Table(("score", "value", "95% interval", "a guess", "what it means"), tuple(rows))


def classes(answered: ScoredPredictions) -> Iterator[Block]:
    """Show how each class fared, and which are taken for each other."""
    scored = by_class(answered)
    shown = sorted(scored, key=lambda one: one.f1)[:MAX_CLASSES]
    yield Table(
        ("class", "recordings", "groups", "recall", "95% interval", "precision", "F1"),
        tuple(_class_row(one) for one in shown),
        caption=(f"The {MAX_CLASSES} worst of {len(scored)} classes by F1. " if len(scored) > len(shown) else "By F1. ")
        + "Recall: of the recordings of the class, the share answered so. Precision: of those answered so, the share "
        "that is. Intervals are of the recall, over groups.",
    )
    n = len(answered.classes)
    side = min(9.0, 2.6 + 0.42 * n) if n <= 20 else 8.5
    figure, axes = charts.blank(side, side * 0.92)
    charts.matrix(axes[0, 0], confusion(answered), names=answered.classes)
    yield picture(
        figure,
        "Confusion matrix: what was answered to the recordings of each class",
        caption="Rows are true classes, columns answers; shades are shares of a row. The diagonal is right.",
    )
    pairs = [pair for pair in confused(answered) if pair[2] > 1]
    if pairs:
        totals = {one.label: one.n for one in scored}
        yield Table(
            ("true class", "answered", "times", "of the class"),
            tuple((a, b, f"{n}", f"{n / totals[a]:.0%}") for a, b, n in pairs),
            caption="The commonest mistakes.",
        )


def _class_row(one: ClassScore) -> tuple[str, ...]:
    numbers = (f"{one.precision:.2f}", f"{one.f1:.2f}")
    return (one.label, f"{one.n}", f"{one.n_groups}", f"{one.recall:.2f}", _between(one.ci95), *numbers)


def calibration(answered: ScoredPredictions, before: ScoredPredictions | None = None) -> Iterator[Block]:
    """Show how often answers were right against how sure they were, before calibration too where it is known."""
    groups = answered.dataset.groups
    bins = reliability(answered.confidence, answered.right, groups)
    drawn = [one for one in bins if one.n >= MIN_DRAWN]
    curves: list[charts.Curve] = []
    if before is not None:
        raw = [one for one in reliability(before.confidence, before.right, groups) if one.n >= MIN_DRAWN]
        curves.append(("before", charts.WARM, [b.confidence for b in raw], [b.accuracy for b in raw], None))
    ends = np.array([b.ci95 for b in drawn]).reshape(-1, 2)
    curves.append(("calibrated", charts.ACCENT, [b.confidence for b in drawn], [b.accuracy for b in drawn], ends))
    figure, axes = charts.blank(7.6, 3.6, columns=2)
    charts.calibration(axes[0, 0], curves)
    charts.title(axes[0, 0], "Reliability")
    charts.histogram(axes[0, 1], answered.confidence, title="How sure the answers are", unit="confidence")
    axes[0, 1].set_ylabel("recordings")
    yield picture(
        figure,
        "Share of right answers against confidence, and a histogram of confidence",
        caption="On the dashed line, confidence is the share of answers that are right. Above it the model is too "
        "modest, below it too sure. Bars are 95% intervals over groups; tenths of "
        f"confidence with fewer than {MIN_DRAWN} recordings are not drawn.",
    )
    yield Table(
        ("confidence", "recordings", "mean confidence", "right", "95% interval"), tuple(_bin_row(one) for one in bins)
    )


def _bin_row(one: Bin) -> tuple[str, ...]:
    bounds = f"{one.low:.1f} to {one.high:.1f}"
    return (bounds, f"{one.n}", f"{one.confidence:.2f}", f"{one.accuracy:.2f}", _between(one.ci95))


def numbers(answered: ScoredPredictions) -> Iterator[Block]:
    """Show predicted against true numbers, and what is left over."""
    said, errors = answered.answers[:, 0], answered.errors
    figure, axes = charts.blank(9.0, 3.4, columns=3)
    charts.scatter(axes[0, 0], answered.truth, said, xlabel="true", ylabel="answered", diagonal=True)
    charts.title(axes[0, 0], "ScoredPredictions against true")
    charts.scatter(axes[0, 1], said, errors, xlabel="answered", ylabel="answered less true", diagonal=False)
    charts.title(axes[0, 1], "Residuals")
    charts.histogram(axes[0, 2], errors, title="Residuals", unit="answered less true")
    axes[0, 2].set_ylabel("recordings")
    slope = float(np.polyfit(answered.truth, errors, 1)[0]) if np.ptp(answered.truth) else 0.0
    tends = "Small numbers are answered too high and large ones too low, as a model does that is in doubt. "
    yield picture(
        figure,
        "ScoredPredictions against true numbers, residuals against answers, and a histogram of residuals",
        caption=(tends if slope < -0.15 else "")
        + f"The mean residual is {errors.mean():+.3g}, and half of all lie within "
        f"{float(np.median(np.abs(errors))):.3g} of the truth.",
    )


def columns(answered: ScoredPredictions) -> Iterator[Block]:
    """Show how the values of each column fared, and name those that fare clearly worse than the rest."""
    found = by_column(answered)
    if not found:
        yield Text("There is no column with 2 to 24 values to compare by, such as a site, a device or a speaker.")
        return
    worse = [(column, part) for column, parts in found.items() for part in parts if part.is_worse]
    what = "accuracy" if answered.classes else "mean absolute error"
    for column, part in worse:
        yield Text(
            f"`{column}` {part.value} fares clearly worse than the rest: {what} {part.score:.3g} (95% interval "
            f"{_between(part.ci95)}) on {part.n} recordings."
        )
    if not worse:
        yield Text("No value of any column fares clearly worse than the rest: all intervals overlap.")
    shown = sorted(found.items(), key=lambda item: -sum(part.is_worse for part in item[1]))[:MAX_COLUMNS]
    yield Gallery(tuple(_column_picture(answered, column, parts, what) for column, parts in shown))
    if len(found) > len(shown):
        yield Text(f"{len(found) - len(shown)} more columns are in the JSON output.")


def _column_picture(answered: ScoredPredictions, column: str, parts: Sequence[Part], what: str) -> Picture:
    overall = float(answered.right.mean()) if answered.classes else float(np.abs(answered.errors).mean())
    limit = 1.0 if answered.classes else 3 * max(part.score for part in parts)
    ends = [(max(0.0, part.ci95[0]), min(limit, part.ci95[1])) for part in parts]
    figure, axes = charts.blank(3.6, 0.8 + 0.22 * len(parts))
    charts.whiskers(
        axes[0, 0],
        [f"{part.value} ({part.n})" for part in parts],
        [part.score for part in parts],
        ends,
        xlabel=what,
        marked=[part.is_worse for part in parts],
        line=overall,
    )
    caption = f"`{column}`: {what} by value, with the number of recordings; the dashed line is all of them."
    return picture(figure, f"{what} by {column}", caption=caption)


def worst(answered: ScoredPredictions) -> Iterator[Block]:
    """List the worst mistakes with their files."""
    found = mistakes(answered)
    if not found:
        yield Text("There are none: every recording was answered rightly.")
        return
    if answered.classes:
        yield Table(
            ("file", "true class", "answered", "confidence"),
            tuple((one.file, one.truth, one.answer, f"{one.confidence:.2f}") for one in found),
            caption=f"The surest of {int((~answered.right).sum())} wrong answers. Listen to them: a label may be "
            "wrong, or the recording unlike the rest of its class.",
        )
    else:
        yield Table(
            ("file", "true", "answered", "off by"),
            tuple((one.file, one.truth, one.answer, f"{one.error:+.4g}") for one in found),
            caption="The answers that are farthest off. Listen to them: the number may be wrong, or the sound unusual.",
        )


def _number(value: float, pattern: str) -> str:
    return format(value, pattern) if np.isfinite(value) else "unknown"


def _between(ends: Sequence[float]) -> str:
    low, high = ends
    if not np.isfinite([low, high]).all():
        return "unknown"
    return f"{low:.2f} to {high:.2f}" if max(abs(low), abs(high)) < 10 else f"{low:.4g} to {high:.4g}"
