"""Possible leakage: duplicates across a split, contradictory labels, shortcuts, and groups that a split ignores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.inspection.duplicates import Duplicate, find_duplicates
from auricle.inspection.findings import Finding, label_texts, listed, name_of, sort, split_units
from auricle.inspection.group_leakage import find_group_leakage
from auricle.inspection.scan import Recording
from auricle.inspection.shortcuts import find_shortcuts

__all__ = ["Leaks", "find_leaks"]


@dataclass(frozen=True, slots=True)
class Leaks:
    """Findings about leakage.

    Parameters
    ----------
    findings : tuple of Finding
        The most severe first.
    duplicates : tuple of Duplicate
        Pairs of recordings with common sound, by index in the dataset.
    """

    findings: tuple[Finding, ...]
    duplicates: tuple[Duplicate, ...]

    def as_json(self, dataset: Dataset) -> dict[str, Any]:
        """Return ``findings`` and ``duplicates`` as JSON lists, with file names."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "duplicates": [
                {
                    "first": str(dataset.examples[pair.first].file),
                    "second": str(dataset.examples[pair.second].file),
                    **pair.as_json(),
                }
                for pair in self.duplicates
            ],
        }


def find_leaks(dataset: Dataset, recordings: Sequence[Recording], *, blocks: NDArray[np.intp] | None = None) -> Leaks:
    """Find duplicates across a split, contradictory labels, shortcuts, and group leakage.

    Parameters
    ----------
    dataset : Dataset
        Labelled recordings, with the groups or folds of their split.
    recordings : sequence of Recording
        Their measures, in the same order.
    blocks : intp, shape (n,), optional
        Folds of a training; None for groups.
    """
    sides, by = split_units(dataset, blocks)
    found = find_duplicates([recording.fingerprint for recording in recordings])
    # Labelled parts of one file may overlap; they are always in one group.
    files = [example.file for example in dataset.examples]
    duplicates = tuple(pair for pair in found if files[pair.first] != files[pair.second])
    rows = np.stack([recording.row for recording in recordings])
    findings = [
        *_contradictions(dataset, duplicates),
        *_duplicates(dataset, duplicates, sides, by),
        *_stretches(dataset, duplicates, sides, by),
        *find_shortcuts(dataset, recordings),
        *find_group_leakage(dataset, rows, duplicates, blocks=blocks),
    ]
    return Leaks(sort(findings), duplicates)


def _contradictions(dataset: Dataset, duplicates: Sequence[Duplicate]) -> Iterator[Finding]:
    labels = label_texts(dataset)
    pairs = [p for p in duplicates if p.relation != "shared stretch" and labels[p.first] != labels[p.second]]
    if pairs:
        yield Finding(
            "contradiction",
            "serious",
            f"{_count(pairs)} the same sound and different labels: {_examples(dataset, pairs, labels)}. No model "
            "can predict both: find the true label, and remove the other recording.",
            _files(dataset, pairs),
        )


def _duplicates(dataset: Dataset, duplicates: Sequence[Duplicate], sides: NDArray[Any], by: str) -> Iterator[Finding]:
    whole = [pair for pair in duplicates if pair.relation != "shared stretch"]
    across = [pair for pair in whole if sides[pair.first] != sides[pair.second]]
    if across:
        yield Finding(
            "duplicates across a split",
            "serious",
            f"{_count(across)} the same sound and can be on both sides of a split by {by}: "
            f"{_examples(dataset, across)}. Scores on them are biased: remove one of each, or put both in one group.",
            _files(dataset, across),
        )
    within = [pair for pair in whole if sides[pair.first] == sides[pair.second]]
    if within:
        yield Finding(
            "duplicates",
            "note",
            f"{_count(within)} the same sound, always on one side of a split by {by}: "
            f"{_examples(dataset, within)}. They count twice: remove one of each.",
            _files(dataset, within),
        )


def _stretches(dataset: Dataset, duplicates: Sequence[Duplicate], sides: NDArray[Any], by: str) -> Iterator[Finding]:
    pairs = [p for p in duplicates if p.relation == "shared stretch" and sides[p.first] != sides[p.second]]
    if pairs:
        yield Finding(
            "windows in common",
            "warning",
            f"{_count(pairs)} a stretch of sound in common and can be on both sides of a split by {by}: "
            f"{_examples(dataset, pairs)}. Their windows leak into the test: put both in one group.",
            _files(dataset, pairs),
        )


def _count(pairs: Sequence[Duplicate]) -> str:
    return "1 pair of recordings has" if len(pairs) == 1 else f"{len(pairs)} pairs of recordings have"


def _examples(dataset: Dataset, pairs: Sequence[Duplicate], labels: Sequence[str] | None = None) -> str:
    """Return the names of the first pairs, with their relation or their labels."""

    def text(pair: Duplicate) -> str:
        names = [name_of(dataset, dataset.examples[index]) for index in (pair.first, pair.second)]
        if labels is None:
            return f"{names[0]} and {names[1]} ({pair.describe()})"
        return f"{names[0]} ({labels[pair.first]}) and {names[1]} ({labels[pair.second]})"

    return listed([text(pair) for pair in pairs], between="; ")


def _files(dataset: Dataset, pairs: Sequence[Duplicate]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(dataset.examples[index].file for pair in pairs for index in (pair.first, pair.second)))
