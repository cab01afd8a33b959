"""A finding: one thing about a data set that its owner should know, as a sentence and the files that it is about."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset, Example

__all__ = [
    "SEVERITIES",
    "Finding",
    "Severity",
    "answers_of",
    "file_name",
    "listed",
    "name_of",
    "repeats",
    "sort",
    "split_units",
]

Severity: TypeAlias = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

N_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a data set.

    Parameters
    ----------
    kind : one word or two, the same for every finding of its sort
    severity : serious makes scores untrue; a warning may; a note is worth knowing
    message : what was found, with numbers, and what to do
    files : the recordings that it is about; none where it is about all
    """

    kind: str
    severity: Severity
    message: str
    files: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "message": self.message,
            "files": [str(file) for file in self.files],
        }


def sort(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, the worst first."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def name_of(dataset: Dataset, example: Example) -> str:
    """Return what a message calls an example: its file, and the part where it is one."""
    name = file_name(dataset, example.file)
    if example.start_s == 0 and example.end_s is None:
        return name
    return f"{name} from {example.start_s:g} s" + ("" if example.end_s is None else f" to {example.end_s:g} s")


def file_name(dataset: Dataset, file: Path) -> str:
    """Return a file's path under the data set's folder, or all of it where it lies elsewhere."""
    source = Path(dataset.source)
    for folder in (source, source.parent):
        if folder != Path() and file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    return str(file)


def split_units(dataset: Dataset, blocks: NDArray[np.intp] | None = None) -> tuple[NDArray[Any], str]:
    """Return what no split tears apart, shape (n,), and what a message calls it.

    Published folds; else the folds of a training, given as ``blocks``; else groups.
    """
    if dataset.folds is not None:
        return dataset.folds, "published fold"
    if blocks is not None:
        return blocks, "fold"
    return dataset.groups, "file" if dataset.group_column is None else f"`{dataset.group_column}`"


def listed(names: Sequence[str], *, most: int = N_NAMED, between: str = ", ") -> str:
    """Return the first names with commas between, and how many more there are."""
    more = f"{between}and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def answers_of(dataset: Dataset) -> list[str]:
    """Return the label or the number of each example, as text."""
    return [str(example.label if example.target is None else f"{example.target:g}") for example in dataset.examples]


def repeats(column: Sequence[str], answers: Sequence[str]) -> bool:
    """Whether a column is the answer itself, in other letters or as the number of a class."""
    pairs = set(zip(column, answers, strict=True))
    if len(pairs) != len(set(column)) or len(pairs) != len(set(answers)):
        return False
    return all(_plain(text) == _plain(answer) for text, answer in pairs) or all(_is_number(text) for text, _ in pairs)


def _plain(text: str) -> str:
    return f"{float(text):g}" if _is_number(text) else text.strip().casefold()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
