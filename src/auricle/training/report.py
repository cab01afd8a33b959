"""Report of a training: one HTML page with the verdict, scores, trials, calibration, learning curve and method."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from auricle.audio.channels import EACH, LOUDEST, MEAN
from auricle.evaluation import report_sections
from auricle.evaluation.advice import next_steps
from auricle.evaluation.breakdown import ScoredPredictions
from auricle.evaluation.intervals import METHOD
from auricle.features.pipeline import IMAGE
from auricle.inspection.findings import Finding, file_name, sort
from auricle.reports import charts
from auricle.reports.html import Block, Listing, Notice, Page, Section, Table, Text, Tone, omissions, picture
from auricle.tasks.table import TASKS
from auricle.training.attribution import attribution
from auricle.training.learning_curve import LearningCurve
from auricle.training.result import TrainResult
from auricle.training.thresholds import FALSE_UNKNOWN

__all__ = ["build_report"]

MAX_TRIALS = 40


def build_report(result: TrainResult, curve: LearningCurve) -> Page:
    """Return the page of a training: the verdict, the evidence for it, and the next steps."""
    manifest, scored = result.bundle.manifest, result.scored
    low, high = manifest.scores[TASKS[manifest.task].verdict_interval]
    steps = next_steps(
        scored,
        findings=result.leaks.findings,
        failures=result.failures,
        more_data=curve.sentence if curve.points else None,
        interval=(low, high),
        is_useful=result.verdict_kind != "no_better",
    )
    by_task = (
        (
            Section("Performance by class", tuple(report_sections.classes(scored))),
            Section("Calibration (reliability diagram)", tuple(_calibration(result))),
        )
        if scored.classes
        else (
            Section("Predicted and true numbers", (*report_sections.numbers(scored), *_prediction_intervals(result))),
        )
    )
    chance_level = result.chance_level if scored.classes else None
    headline = report_sections.headline(manifest.scores, chance_level=chance_level)
    sections = (
        Section("Data and score", (Text(_data(result)), *headline)),
        Section("Next steps", (Listing(tuple(steps)),)),
        Section("Possible leakage and confounders", tuple(_leaks(result))),
        Section("Models compared", tuple(_trials(result))),
        *by_task,
        *((Section("Attribution (occlusion maps)", tuple(attribution(result))),) if IMAGE in manifest.parts else ()),
        Section("Performance by subgroup", tuple(report_sections.columns(scored))),
        Section("Learning curve", tuple(_curve(curve, scored))),
        Section("Worst mistakes", tuple(report_sections.worst(scored))),
        Section("Out-of-distribution detection", (Text(_novelty(result)),)),
        Section("Recordings left out, and data quality", tuple(_left_out(result))),
        Section("Method", tuple(_method(result))),
    )
    tone, verdict = _verdict(result)
    subtitle = f"Data set {result.dataset.source}"
    sections = (*sections, *omissions(result.dataset.omitted))
    return Page(f"Training of {manifest.name}", verdict, sections, subtitle=subtitle, tone=tone)


def _verdict(result: TrainResult) -> tuple[Tone, str]:
    verdict = result.bundle.manifest.verdict
    serious = [finding.kind for finding in result.leaks.findings if finding.severity == "serious"]
    if serious:
        verdict += f" But do not trust this score yet: {' and '.join(serious)} were found in the data."
    return ("serious" if result.verdict_kind == "no_better" else "warning" if serious else "good"), verdict


def _data(result: TrainResult) -> str:
    dataset, manifest = result.dataset, result.bundle.manifest
    n_groups = np.unique(dataset.groups).size
    if manifest.classes:
        shown = ", ".join(manifest.classes[:12]) + (", …" if len(manifest.classes) > 12 else "")
        task = f"The model predicts one of {len(manifest.classes)} classes for a recording: {shown}."
    else:
        low, high = dataset.targets.min(), dataset.targets.max()
        task = f"The model predicts a number for a recording, between {low:g} and {high:g} in the training data."
    by = "each file its own group" if dataset.group_column is None else f"grouped by `{dataset.group_column}`"
    return (
        f"{task} There are {len(dataset)} recordings, {len(result.examples.rows)} windows and {n_groups} groups, "
        f"{by}. The score was taken {manifest.protocol}: no recording, and no other of its group, had a part in the "
        f"model that predicted it. {result.independent_groups[1]}".strip()
    )


def _notices(result: TrainResult, findings: Sequence[Finding]) -> Iterator[Block]:
    for finding in findings:
        files = tuple(file_name(result.dataset, file) for file in finding.files)
        yield Notice(finding.severity, finding.kind, finding.message, files)


def _leaks(result: TrainResult) -> Iterator[Block]:
    yield from _notices(result, result.leaks.findings)
    if not result.leaks.findings:
        yield Text(
            "None found: no recording, and no stretch of one, is in two folds; no property of the recorder predicts "
            "the class or number; and no metadata column links recordings of different groups."
        )


def _trials(result: TrainResult) -> Iterator[Block]:
    search = result.search
    score_name = "accuracy" if result.scored.classes else "R²"
    trials = sorted(
        search.trials,
        key=lambda trial: (
            trial.candidate is not search.chosen,
            trial.status == "too dear",
            trial.status == "beaten",
            -trial.score,
        ),
    )
    rows = tuple(
        (
            trial.candidate.name,
            _shown(trial.score, digits=3),
            _shown(trial.deviation, digits=3),
            _shown(trial.fit_s, digits=2, unit=" s"),
            "chosen" if trial.candidate is search.chosen else trial.outcome,
        )
        for trial in trials[:MAX_TRIALS]
    )
    more = f" The best {MAX_TRIALS} of {len(trials)}." if len(trials) > MAX_TRIALS else ""
    bias = (
        "the choice of the model could not be nested, so the score above was selected on and is a little too high."
        if search.is_selected_on
        else "that of the chosen model is a little too high, so the score above was taken where it had no part in the "
        "choice."
    )
    yield Table(
        ("model", score_name, "± between folds", "time of a fit", "outcome"),
        rows,
        caption=f"Scores over the folds that the choice was made on: {bias}{more}",
    )


def _shown(value: float, *, digits: int, unit: str = "") -> str:
    return f"{value:.{digits}f}{unit}" if np.isfinite(value) else ""


def _calibration(result: TrainResult) -> Iterator[Block]:
    before = replace(result.scored, predictions=result.uncalibrated[result.search.tested])
    yield from report_sections.calibration(result.scored, before)
    sets = result.bundle.manifest.sets
    if sets is None:
        yield Text("There are too few recordings for prediction sets of a stated coverage.")
        return
    of = (
        "of every class"
        if sets.per_class
        else "of all classes together (some have too few for a coverage of their own)"
    )
    yield Text(
        "A prediction also comes with a prediction set: classes that include the true one for "
        f"{sets.coverage:.0%} of recordings {of}. {_measured_coverage(result, 'Prediction sets')}"
    )


def _prediction_intervals(result: TrainResult) -> Iterator[Block]:
    interval = result.bundle.manifest.interval
    if interval is None:
        yield Text("There are too few recordings for prediction intervals.")
    else:
        yield Text(
            f"A prediction comes with an interval of ±{interval.half_width:.4g}, which holds the true number for "
            f"{interval.coverage:.0%} of recordings like the training data. "
            f"{_measured_coverage(result, 'Prediction intervals')}"
        )


def _measured_coverage(result: TrainResult, name: str) -> str:
    """Return the coverage of out-of-fold sets or intervals, in words."""
    scores = result.bundle.manifest.scores
    if "coverage" not in scores:
        return "There are too few recordings to measure the coverage out of fold."
    worst = ""
    if "worst_group" in scores:
        worst = f", and of {scores['coverage_worst_group']:.0%} in the worst group ({scores['worst_group']})"
    width = scores.get("interval_width", np.nan)
    size = f"hold {scores['set_size']:.2f} classes" if "set_size" in scores else f"are {width:.3g} wide"
    return (
        f"{name} fitted without them hold the true value of {scores['coverage']:.0%} of the held-out "
        f"recordings{worst}; they {size} on average. The coverage does not extend to a group unlike all of these."
    )


def _curve(curve: LearningCurve, scored: ScoredPredictions) -> Iterator[Block]:
    yield Text(curve.sentence)
    if not curve.points:
        return
    points = [point for point in curve.points if np.isfinite(point.ci95).all()]
    figure, axes = charts.blank(5.6, 3.0)
    score_name = "balanced accuracy" if scored.classes else "R²"
    charts.trend(
        axes[0, 0],
        [point.n_recordings for point in points],
        [point.score for point in points],
        [point.ci95 for point in points],
        xlabel="training recordings",
        ylabel=score_name,
    )
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(max(-1.0, min(low, points[-1].score - 0.05)), max(high, points[-1].score + 0.05))
    yield picture(
        figure,
        f"{score_name} by number of training recordings",
        caption="The chosen model, fitted to a part of the groups and tested on all; the band is the 95% interval.",
    )


def _novelty(result: TrainResult) -> str:
    _, threshold = result.bundle.novelty.thresholds
    rank = "of its distance from the training recordings"
    parts = (
        f"the mean of two ranks: of the doubt in its class, and {rank}" if result.scored.classes else f"the rank {rank}"
    )
    return (
        f"Every prediction has a novelty. It is {parts}, from 0 to 1 among the training recordings, each measured out "
        "of fold. A recording farther away than nearly all of them gets the excess on top. Above "
        f"{threshold:.2f} a prediction is marked `unknown: true`, as {FALSE_UNKNOWN:.0%} of the training recordings "
        "would be. Novelty can miss a new kind of sound: test some before you rely on it."
    )


def _left_out(result: TrainResult) -> Iterator[Block]:
    if not result.failures:
        yield Text("Every recording was used.")
    else:
        yield report_sections.failed(result.dataset, result.failures, cannot_be="used")
    yield from _notices(result, sort(result.recording_faults))


_CHANNELS = {MEAN: "the mean of the channels", EACH: "each channel", LOUDEST: "the channel with the most energy"}


def _method(result: TrainResult) -> Iterator[Block]:
    manifest = result.bundle.manifest
    spec = manifest.spec
    window = "the whole recording" if spec.window_s is None else f"{spec.window_s:g} s"
    settings = ", ".join(f"{key}={value}" for key, value in manifest.settings.items()) or "its defaults"
    channel = _CHANNELS.get(manifest.channel, f"channel {manifest.channel}")
    rows = (
        ("model", f"{manifest.family} with {settings}"),
        ("bundle", result.bundle.id),
        ("audio", f"{channel} at {spec.rate_hz} Hz, in windows of {window}"),
        ("sample rate", result.sample_rate.reason),
        ("features", _features(result)),
        ("scores", f"by recording, {manifest.protocol}; intervals by {METHOD}"),
        ("duration", f"{result.seconds:.0f} s"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    )
    yield Table(("item", "value"), rows)


def _features(result: TrainResult) -> str:
    """Return the feature blocks of the model's rows, with the licences and sources of pretrained models."""
    manifest = result.bundle.manifest
    widths = [f"{block} ({result.training_data.width(block)} columns)" for block in manifest.parts]
    cards = "".join(f"; {card.name}: {card.licence}, {card.source}" for card in manifest.embeddings)
    return f"{' + '.join(widths)}{cards}"
