"""Leaks: what would make a score on this data set higher than on anything new, found before any training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.inspection.duplicates import Duplicate, find_duplicates
from auricle.inspection.findings import Finding, answers_of, listed, name_of, sort, split_units
from auricle.inspection.group_leakage import find_group_leakage
from auricle.inspection.scan import Recording
from auricle.inspection.shortcuts import find_shortcuts

__all__ = ["Leaks", "find_leaks"]


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was found.

    Parameters
    ----------
    findings : sentences, the worst first
    duplicates : pairs of recordings with common sound, numbered as in the data set
    """

    findings: tuple[Finding, ...]
    duplicates: tuple[Duplicate, ...]

    def as_json(self, dataset: Dataset) -> dict[str, Any]:
        """Return ``findings`` and ``duplicates`` as JSON lists, with the names of files."""
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
    """Look for duplicates across a split, contradictory answers, shortcuts, and kin that no group keeps together.

    Parameters
    ----------
    dataset : labelled recordings, with the groups or folds that they will be split by
    recordings : what is known of the sound of each, in the same order
    blocks : the folds that a training splits them by, shape (n,); None to name all that groups would let leak
    """
    sides, by = split_units(dataset, blocks)
    found = find_duplicates([recording.fingerprint for recording in recordings])
    # Labelled parts of one file may overlap, and lie in one group always.
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
    answers = answers_of(dataset)
    pairs = [p for p in duplicates if p.relation != "shared stretch" and answers[p.first] != answers[p.second]]
    if pairs:
        yield Finding(
            "contradiction",
            "serious",
            f"{_count(pairs)} the same sound and different answers: {_examples(dataset, pairs, answers)}. No model can "
            "be right about both: find out which answer is true, and remove the other recording.",
            _files(dataset, pairs),
        )


def _duplicates(dataset: Dataset, duplicates: Sequence[Duplicate], sides: NDArray[Any], by: str) -> Iterator[Finding]:
    whole = [pair for pair in duplicates if pair.relation != "shared stretch"]
    across = [pair for pair in whole if sides[pair.first] != sides[pair.second]]
    if across:
        yield Finding(
            "duplicates across a split",
            "serious",
            f"{_count(across)} the same sound and can stand on both sides of a split by {by}: "
            f"{_examples(dataset, across)}. A score on them is memory: remove one of each, or put both into one group.",
            _files(dataset, across),
        )
    within = [pair for pair in whole if sides[pair.first] == sides[pair.second]]
    if within:
        yield Finding(
            "duplicates",
            "note",
            f"{_count(within)} the same sound, on one side of any split by {by}: {_examples(dataset, within)}. "
            "It counts twice: remove one of each.",
            _files(dataset, within),
        )


def _stretches(dataset: Dataset, duplicates: Sequence[Duplicate], sides: NDArray[Any], by: str) -> Iterator[Finding]:
    pairs = [p for p in duplicates if p.relation == "shared stretch" and sides[p.first] != sides[p.second]]
    if pairs:
        yield Finding(
            "windows in common",
            "warning",
            f"{_count(pairs)} a stretch of sound in common and can stand on both sides of a split by {by}: "
            f"{_examples(dataset, pairs)}. Their windows are known before they are tested: put both into one group.",
            _files(dataset, pairs),
        )


def _count(pairs: Sequence[Duplicate]) -> str:
    return "1 pair of recordings has" if len(pairs) == 1 else f"{len(pairs)} pairs of recordings have"


def _examples(dataset: Dataset, pairs: Sequence[Duplicate], answers: Sequence[str] | None = None) -> str:
    """Name the first pairs, and what they have in common: their relation, or their answers."""

    def one(pair: Duplicate) -> str:
        names = [name_of(dataset, dataset.examples[place]) for place in (pair.first, pair.second)]
        if answers is None:
            return f"{names[0]} and {names[1]} ({pair.describe()})"
        return f"{names[0]} ({answers[pair.first]}) and {names[1]} ({answers[pair.second]})"

    return listed([one(pair) for pair in pairs], between="; ")


def _files(dataset: Dataset, pairs: Sequence[Duplicate]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(dataset.examples[place].file for pair in pairs for place in (pair.first, pair.second)))
