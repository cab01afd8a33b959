"""The report of a training: one page for someone who was not there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from auricle.evaluation import report_sections
from auricle.evaluation.advice import next_steps
from auricle.evaluation.breakdown import ScoredPredictions
from auricle.features.pipeline import IMAGE
from auricle.inspection.findings import Finding, file_name, sort
from auricle.reports import charts
from auricle.reports.html import Block, Listing, Notice, Page, Section, Table, Text, Tone, picture
from auricle.training.attribution import attribution
from auricle.training.learning_curve import Curve
from auricle.training.thresholds import FALSE_UNKNOWN

if TYPE_CHECKING:
    from auricle.training.result import TrainResult

__all__ = ["build_report"]

MAX_TRIALS = 40

_FATES = {
    "compared": "",
    "beaten": "clearly behind on the first folds, and dropped",
    "selected on": "too dear to be nested: its score was selected on",
    "too dear": "not tried: the budget was spent",
}


def build_report(result: "TrainResult", curve: Curve) -> Page:
    """Return the page of a training: the verdict, what it rests on, and what to do next."""
    manifest, answered = result.bundle.manifest, result.answered
    useful = is_useful(result)
    steps = next_steps(
        answered,
        findings=result.leaks.findings,
        failures=result.failures,
        more_data=curve.sentence if curve.points else None,
        interval=_interval(result),
        is_useful=useful,
    )
    by_answer = (
        (
            Section("Class by class", tuple(report_sections.classes(answered))),
            Section("How far its confidence can be believed", tuple(_calibration(result))),
        )
        if answered.classes
        else (Section("Answers against the truth", (*report_sections.numbers(answered), *_coverage(result))),)
    )
    parts = (
        Section("What was asked, and the answer", (Text(_question(result)), *_headline(result))),
        Section("What to do next", (Listing(tuple(steps)),)),
        Section("What would make the score untrue", tuple(_leaks(result))),
        Section("What was tried", tuple(_trials(result))),
        *by_answer,
        *((Section("What it listened to", tuple(attribution(result))),) if IMAGE in manifest.parts else ()),
        Section("Where it fares worse", tuple(report_sections.columns(answered))),
        Section("Is more data worth it?", tuple(_curve(curve, answered))),
        Section("The worst mistakes", tuple(report_sections.worst(answered))),
        Section("Sounds it has never heard", (Text(_novelty(result)),)),
        Section("What was left out, and what is odd", tuple(_left_out(result))),
        Section("How this was made", tuple(_method(result))),
    )
    tone, verdict = _verdict(result, is_useful=useful)
    return Page(f"Training of {manifest.name}", verdict, parts, subtitle=f"Data set {result.dataset.source}", tone=tone)


def is_useful(result: "TrainResult") -> bool:
    """Whether the interval of the score clears a guess."""
    return result.verdict_kind != "no_better"


def _verdict(result: "TrainResult", *, is_useful: bool) -> tuple[Tone, str]:
    verdict = result.bundle.manifest.verdict
    serious = [finding.kind for finding in result.leaks.findings if finding.severity == "serious"]
    if serious:
        verdict += f" But do not trust this score yet: {' and '.join(serious)} were found in the data."
    return ("serious" if not is_useful else "warning" if serious else "good"), verdict


def _interval(result: "TrainResult") -> tuple[float, float]:
    scores = result.bundle.manifest.scores
    low, high = scores["balanced_accuracy_ci95" if result.answered.classes else "ci95"]
    return low, high


def _question(result: "TrainResult") -> str:
    dataset, manifest = result.dataset, result.bundle.manifest
    n_groups = np.unique(dataset.groups).size
    if manifest.classes:
        shown = ", ".join(manifest.classes[:12]) + (", …" if len(manifest.classes) > 12 else "")
        asked = f"Which of {len(manifest.classes)} classes is heard in a recording: {shown}?"
    else:
        low, high = dataset.targets.min(), dataset.targets.max()
        asked = f"Which number does a recording stand for, between {low:g} and {high:g}?"
    by = "each file a group of its own" if dataset.group_column is None else f"grouped by `{dataset.group_column}`"
    return (
        f"{asked} There are {len(dataset)} recordings, {len(result.examples.rows)} windows and {n_groups} groups, "
        f"{by}. The score was taken {manifest.protocol}: no recording, and no other of its group, had a part in the "
        "model that answered it."
    )


def _headline(result: "TrainResult") -> Iterator[Block]:
    classes = result.answered.classes
    chance_level = 1.0 / np.unique(result.answered.truth).size if classes else None
    yield from report_sections.headline(result.bundle.manifest.scores, chance_level=chance_level)


def _notices(result: "TrainResult", findings: Sequence[Finding]) -> Iterator[Block]:
    for finding in findings:
        files = tuple(file_name(result.dataset, file) for file in finding.files)
        yield Notice(finding.severity, finding.kind, finding.message, files)


def _leaks(result: "TrainResult") -> Iterator[Block]:
    yield from _notices(result, result.leaks.findings)
    if not result.leaks.findings:
        yield Text(
            "Nothing was found: no recording and no stretch of one stands in two folds, no measure of the recorder "
            "gives the answer away, and recordings of different groups are no kin by any column."
        )


def _trials(result: "TrainResult") -> Iterator[Block]:
    found = result.found
    what = "accuracy" if result.answered.classes else "R²"
    trials = sorted(
        found.trials,
        key=lambda trial: (
            trial.candidate is not found.chosen,
            trial.fate == "too dear",
            trial.fate == "beaten",
            -trial.score,
        ),
    )
    rows = tuple(
        (
            trial.candidate.name,
            _shown(trial.score, digits=3),
            _shown(trial.deviation, digits=3),
            _shown(trial.fit_s, digits=2, unit=" s"),
            "chosen" if trial.candidate is found.chosen else _FATES[trial.fate],
        )
        for trial in trials[:MAX_TRIALS]
    )
    more = f" The best {MAX_TRIALS} of {len(trials)}." if len(trials) > MAX_TRIALS else ""
    took = (
        "nesting the chosen one was too dear for the budget, so the score above is one that the choice was made by, "
        "and a little too good."
        if found.is_selected_on
        else "the chosen one's is a little too good, and so the score above was taken where the choice had no say."
    )
    yield Table(
        ("model", what, "± between folds", "a fit takes", "what became of it"),
        rows,
        caption=f"Scores over the folds on which the choice was made: {took}{more}",
    )


def _shown(value: float, *, digits: int, unit: str = "") -> str:
    return f"{value:.{digits}f}{unit}" if np.isfinite(value) else ""


def _calibration(result: "TrainResult") -> Iterator[Block]:
    answered = result.answered
    before = replace(answered, predictions=result.uncalibrated[result.found.tested])
    yield from report_sections.calibration(answered, before)
    sets = result.bundle.manifest.sets
    if sets is None:
        yield Text("There are too few recordings to answer with sets of classes of a stated coverage.")
        return
    whom = "of every class" if sets.per_class else "as a whole (a class has too few for a promise of its own)"
    yield Text(
        "An answer also comes with the set of classes that it may be, which holds the true one for "
        f"{sets.coverage:.0%} of recordings {whom}. {_held(result, 'Sets')}"
    )


def _coverage(result: "TrainResult") -> Iterator[Block]:
    interval = result.bundle.manifest.interval
    if interval is None:
        yield Text("There are too few recordings to say how far from the truth an answer may lie.")
    else:
        yield Text(
            f"An answer comes with an interval of ±{interval.half_width:.4g}, in which the truth lies for "
            f"{interval.coverage:.0%} of recordings like those of training. {_held(result, 'Intervals')}"
        )


def _held(result: "TrainResult", what: str) -> str:
    """Say how sets or intervals held on recordings that had no part in them."""
    found = result.bundle.manifest.scores
    if "coverage" not in found:
        return "Whether they hold on recordings that had no part in them could not be measured: there are too few."
    worst = ""
    if "worst_group" in found:
        worst = f", and in the worst group ({found['worst_group']}) {found['coverage_worst_group']:.0%}"
    size = f"hold {found['set_size']:.2f} classes" if "set_size" in found else f"are {found['interval_width']:.3g} wide"
    return (
        f"{what} made without them held the truth of {found['coverage']:.0%} of the tested recordings{worst}; they "
        f"{size} on average. A group unlike all of these has no promise."
    )


def _curve(curve: Curve, answered: ScoredPredictions) -> Iterator[Block]:
    yield Text(curve.sentence)
    if not curve.points:
        return
    points = [point for point in curve.points if np.isfinite(point.ci95).all()]
    figure, axes = charts.blank(5.6, 3.0)
    what = "balanced accuracy" if answered.classes else "R²"
    charts.trend(
        axes[0, 0],
        [point.n_recordings for point in points],
        [point.score for point in points],
        [point.ci95 for point in points],
        xlabel="recordings to learn from",
        ylabel=what,
    )
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(max(-1.0, min(low, points[-1].score - 0.05)), max(high, points[-1].score + 0.05))
    yield picture(
        figure,
        f"{what} against the number of recordings to learn from",
        caption="The chosen model, fitted to a part of the groups and tested on all; the band is the 95% interval.",
    )


def _novelty(result: "TrainResult") -> str:
    _, threshold = result.bundle.novelty.thresholds
    ranks = "how much in doubt the answer is, and how far the sound lies from all that was heard"
    return (
        "Every answer says how unlike the training sound its recording is. Its novelty is "
        + (f"the mean of two ranks: {ranks}" if result.answered.classes else "the rank of its distance from all of it")
        + ", from 0 to 1 among the training recordings, each judged by models that had not heard it. What lies farther "
        f"away than nearly all of them adds the excess. Above {threshold:.2f} the answer is `unknown: true`: there lie "
        f"{FALSE_UNKNOWN:.0%} of the training recordings. A class that was never recorded can still sound familiar: "
        "try some before you rely on it."
    )


def _left_out(result: "TrainResult") -> Iterator[Block]:
    if not result.failures:
        yield Text("Nothing was left out: every recording was used.")
    else:
        yield report_sections.failed(result.dataset, result.failures, cannot_be="used")
    yield from _notices(result, sort(result.condition))


def _method(result: "TrainResult") -> Iterator[Block]:
    manifest = result.bundle.manifest
    spec = manifest.spec
    window = "the whole recording" if spec.window_s is None else f"{spec.window_s:g} s"
    settings = ", ".join(f"{key}={value}" for key, value in manifest.settings.items()) or "its defaults"
    rows = (
        ("model", f"{manifest.family} with {settings}"),
        ("bundle", result.bundle.id),
        ("sound", f"one channel at {spec.rate_hz} Hz, in windows of {window}"),
        ("features", _features(result)),
        ("scores", f"by recording, {manifest.protocol}; intervals by resampling groups"),
        ("time", f"{result.seconds:.0f} s"),
        ("made with", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    )
    yield Table(("what", "how"), rows)


def _features(result: "TrainResult") -> str:
    """Say what the model's rows are made of, and whose the pretrained models are."""
    manifest = result.bundle.manifest
    widths = [f"{part} ({result.table.width(part)})" for part in manifest.parts]
    cards = "".join(f"; {card.name}: {card.licence}, {card.source}" for card in manifest.embeddings)
    return f"{' + '.join(widths)} numbers a window{cards}"
