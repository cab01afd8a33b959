"""The evaluation as a page: what a finished model is worth on labelled sound."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from auricle.evaluation import report_sections
from auricle.evaluation.advice import next_steps
from auricle.inspection.findings import file_name, listed
from auricle.reports.html import Block, Listing, Notice, Page, Section, Text, Tone

if TYPE_CHECKING:
    from auricle.evaluation.evaluate import Evaluation

__all__ = ["build_report"]


def build_report(evaluation: "Evaluation") -> Page:
    """Return the page of an evaluation."""
    answered, manifest = evaluation.answered, evaluation.model.bundle.manifest
    scored = evaluation.scores_unseen or evaluation.scores
    low, high = scored["balanced_accuracy_ci95" if answered.classes else "ci95"]
    is_useful = "No better than guessing" not in evaluation.verdict
    steps = tuple(
        next_steps(answered, failures=evaluation.failures, interval=(low, high), is_useful=is_useful, in_training=False)
    )
    if evaluation.in_training.all():
        steps = ("Score the model on recordings that it has not heard: these say nothing.", *steps)
    by_answer = (
        (
            Section("Class by class", tuple(report_sections.classes(answered))),
            Section("How far its confidence can be believed", tuple(report_sections.calibration(answered))),
        )
        if answered.classes
        else (Section("Answers against the truth", tuple(report_sections.numbers(answered))),)
    )
    parts = (
        Section("What was asked, and the answer", tuple(_answer(evaluation))),
        Section("What to do next", (Listing(steps),) if steps else (Text("Nothing that these recordings show."),)),
        *by_answer,
        Section("Where it fares worse", tuple(report_sections.columns(answered))),
        Section("The worst mistakes", tuple(report_sections.worst(answered))),
        Section("Unknown sounds", tuple(_unknown(evaluation))),
        Section("What was left out", tuple(_left_out(evaluation))),
    )
    heard = evaluation.in_training
    tone: Tone = "serious" if heard.all() or not is_useful else "warning" if heard.any() else "good"
    return Page(
        f"Evaluation of {manifest.name}",
        evaluation.verdict,
        parts,
        subtitle=f"{evaluation.model.name} on {evaluation.dataset.source}",
        tone=tone,
    )


def _answer(evaluation: "Evaluation") -> Iterator[Block]:
    answered, dataset = evaluation.answered, evaluation.dataset
    n_groups = np.unique(dataset.groups).size
    by = "each file a group of its own" if dataset.group_column is None else f"grouped by `{dataset.group_column}`"
    yield Text(f"The model answered {len(dataset)} recordings of {n_groups} groups, {by}. It was scored by recording.")
    guess = evaluation.guess if answered.classes else None
    heard, kin = int(evaluation.in_training.sum()), int(evaluation.in_training_group.sum())
    if heard:
        names = zip(dataset.examples, evaluation.in_training, strict=True)
        files = tuple(file_name(dataset, example.file) for example, was in names if was)
        what = f"{heard} of {len(dataset)} recordings were in the training set, by the hash of their files. "
        if evaluation.scores_unseen is None:
            what += "The answers to them are memory: score the model on recordings that it has not heard."
            yield Notice("serious", "known recordings", what, files)
        else:
            what += "They are left out of the scores below, and stand in all that follows."
            yield Notice("warning", "known recordings", what, files)
    if kin > heard:
        yield Notice(
            "note",
            "known groups",
            f"{kin} of {len(dataset)} recordings are of a `{dataset.group_column}` that the model was trained on: on "
            "new ones it may do worse.",
        )
    yield from report_sections.headline(evaluation.scores_unseen or evaluation.scores, guess=guess)
    held = evaluation.coverage
    if held is not None:
        what = "Sets of classes" if answered.classes else "Intervals"
        size = f"hold {held['mean_size']:.2f} classes" if answered.classes else f"are {held['mean_size']:.3g} wide"
        yield Text(
            f"{what} that came with the answers held the truth of {held['coverage']:.0%} of the recordings; they "
            f"{size} on average."
        )


def _unknown(evaluation: "Evaluation") -> Iterator[Block]:
    rate, strange = evaluation.unknown_rate(evaluation.is_known), evaluation.unknown_rate(~evaluation.is_known)
    whose = "of classes that the model knows " if strange is not None else ""
    yield Text(f"{rate or 0:.1%} of the recordings {whose}were answered `unknown: true`.")
    if strange is not None:
        names = sorted(set(evaluation.dataset.labels[~evaluation.is_known].tolist()))
        yield Text(
            f"The model does not know {listed([repr(name) for name in names], most=10)}. Their "
            f"{int((~evaluation.is_known).sum())} recordings are not scored; {strange:.1%} of them were answered "
            "`unknown: true`, as they should be."
        )


def _left_out(evaluation: "Evaluation") -> Iterator[Block]:
    if not evaluation.failures:
        yield Text("Nothing: every recording was answered.")
        return
    yield report_sections.failed(evaluation.dataset, evaluation.failures, cannot_be="answered")
