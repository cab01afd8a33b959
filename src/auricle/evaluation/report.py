"""The page of an evaluation: verdict, scores, breakdown and mistakes of a bundle on labelled recordings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from auricle.evaluation import report_sections
from auricle.evaluation.advice import next_steps
from auricle.inspection.findings import file_name, listed
from auricle.reports.html import Block, Listing, Notice, Page, Section, Text, Tone, omissions
from auricle.tasks.table import TASKS

if TYPE_CHECKING:
    from auricle.evaluation.evaluate import Evaluation

__all__ = ["build_report"]


def build_report(evaluation: "Evaluation") -> Page:
    """Return the page of an evaluation."""
    scored, manifest, kind = evaluation.scored, evaluation.model.bundle.manifest, evaluation.compared.kind
    low, high = (evaluation.scores_unseen or evaluation.scores)[TASKS[manifest.task].verdict_interval]
    steps = tuple(
        next_steps(
            scored,
            failures=evaluation.failures,
            interval=(low, high),
            is_useful=kind != "no_better",
            in_training=False,
        )
    )
    in_training = evaluation.in_training
    if in_training.all():
        steps = ("Score the model on recordings not seen in training; these do not measure it.", *steps)
    by_prediction = (
        (
            Section("Performance by class", tuple(report_sections.classes(scored))),
            Section("Calibration (reliability diagram)", tuple(report_sections.calibration(scored))),
        )
        if scored.classes
        else (Section("Predicted and true numbers", tuple(report_sections.numbers(scored))),)
    )
    sections = (
        Section("Data and score", tuple(_score(evaluation))),
        Section("Next steps", (Listing(steps),) if steps else (Text("None follow from these recordings."),)),
        *by_prediction,
        Section("Performance by subgroup", tuple(report_sections.columns(scored))),
        Section("Worst mistakes", tuple(report_sections.worst(scored))),
        Section("Unknown sounds", tuple(_unknown(evaluation))),
        Section("Recordings left out", tuple(_left_out(evaluation))),
    )
    is_serious = in_training.all() or kind == "no_better"
    tone: Tone = "serious" if is_serious else "warning" if in_training.any() or kind == "cannot_say" else "good"
    return Page(
        f"Evaluation of {manifest.name}",
        evaluation.verdict,
        (*sections, *omissions(evaluation.dataset.omitted)),
        subtitle=f"{evaluation.model.name} on {evaluation.dataset.source}",
        tone=tone,
    )


def _score(evaluation: "Evaluation") -> Iterator[Block]:
    scored, dataset = evaluation.scored, evaluation.dataset
    n_groups = np.unique(dataset.groups).size
    by = "each file its own group" if dataset.group_column is None else f"grouped by `{dataset.group_column}`"
    of_groups = f"{n_groups} group{'s' * (n_groups != 1)}, {by}"
    yield Text(f"The model predicted {len(dataset)} recordings of {of_groups}. Scores are by recording.")
    n_in_training, n_in_groups = int(evaluation.in_training.sum()), int(evaluation.in_training_group.sum())
    if n_in_training:
        pairs = zip(dataset.examples, evaluation.in_training, strict=True)
        files = tuple(file_name(dataset, example.file) for example, is_in_training in pairs if is_in_training)
        text = f"{n_in_training} of {len(dataset)} recordings were in the training set, by the hash of their files. "
        if evaluation.scores_unseen is None:
            text += "Their score does not hold for new recordings: score the model on recordings not seen in training."
            yield Notice("serious", "training recordings", text, files)
        else:
            text += "The scores below leave them out; all other sections include them."
            yield Notice("warning", "training recordings", text, files)
    if n_in_groups > n_in_training:
        yield Notice(
            "note",
            "training groups",
            f"{n_in_groups} of {len(dataset)} recordings are of a `{dataset.group_column}` in the training data; the "
            "model may do worse on new ones.",
        )
    chance_level = evaluation.chance_level if scored.classes else None
    yield from report_sections.headline(evaluation.scores_unseen or evaluation.scores, chance_level=chance_level)
    coverage = evaluation.coverage
    if coverage is not None:
        name = "Prediction sets" if scored.classes else "Prediction intervals"
        size = (
            f"hold {coverage['mean_size']:.2f} classes" if scored.classes else f"are {coverage['mean_size']:.3g} wide"
        )
        yield Text(
            f"{name} hold the true value of {coverage['coverage']:.0%} of the recordings; they {size} on average."
        )


def _unknown(evaluation: "Evaluation") -> Iterator[Block]:
    rate, unknown_class_rate = (
        evaluation.unknown_rate(evaluation.is_known),
        evaluation.unknown_rate(~evaluation.is_known),
    )
    of_known = " of classes that the model knows" if unknown_class_rate is not None else ""
    yield Text(f"{rate or 0:.1%} of the recordings{of_known} are flagged `unknown: true`.")
    if unknown_class_rate is not None:
        names = sorted(set(evaluation.dataset.labels[~evaluation.is_known].tolist()))
        yield Text(
            f"The model does not know {listed([repr(name) for name in names], most=10)}. Their "
            f"{int((~evaluation.is_known).sum())} recordings are not scored; it flags {unknown_class_rate:.1%} of them "
            "`unknown: true`, as it should."
        )


def _left_out(evaluation: "Evaluation") -> Iterator[Block]:
    if not evaluation.failures:
        yield Text("None: every recording was predicted.")
        return
    yield report_sections.failed(evaluation.dataset, evaluation.failures, cannot_be="predicted")
