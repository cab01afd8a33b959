"""Findings of an inspection: kind, severity, message and files; and helpers to name files and labels in messages."""

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
    "file_name",
    "is_label_copy",
    "label_texts",
    "listed",
    "name_of",
    "sort",
    "split_units",
]

Severity: TypeAlias = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

N_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a dataset.

    Parameters
    ----------
    kind : str
        Stable identifier, such as ``clipping``.
    severity : str
        ``serious``: scores are biased; ``warning``: they may be; ``note``: for information.
    message : str
        The finding with numbers, and the remedy.
    files : tuple of Path
        Recordings concerned; empty if all are.
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
    """Return the findings, the most severe first."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def name_of(dataset: Dataset, example: Example) -> str:
    """Return the name of an example in messages: its file, and the part if it is one."""
    name = file_name(dataset, example.file)
    if example.channel.isdigit():
        name += f" (channel {example.channel})"
    if example.start_s == 0 and example.end_s is None:
        return name
    return f"{name} from {example.start_s:g} s" + ("" if example.end_s is None else f" to {example.end_s:g} s")


def file_name(dataset: Dataset, file: Path) -> str:
    """Return a file's path relative to the dataset's folder, or its full path if it is elsewhere."""
    source = Path(dataset.source)
    for folder in (source, source.parent):
        if folder != Path() and file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    return str(file)


def split_units(dataset: Dataset, blocks: NDArray[np.intp] | None = None) -> tuple[NDArray[Any], str]:
    """Return the unit that splits keep together, shape (n,), and its name in messages.

    Published folds; else the folds of a training, given as ``blocks``; else groups.
    """
    if dataset.folds is not None:
        return dataset.folds, "published fold"
    if blocks is not None:
        return blocks, "fold"
    return dataset.groups, "file" if dataset.group_column is None else f"`{dataset.group_column}`"


def listed(names: Sequence[str], *, most: int = N_NAMED, between: str = ", ") -> str:
    """Return the first names, separated, and the number of the others."""
    more = f"{between}and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def label_texts(dataset: Dataset) -> list[str]:
    """Return the label or target of each example, as text."""
    return [str(example.label if example.target is None else f"{example.target:g}") for example in dataset.examples]


def is_label_copy(column: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether a column is the label itself, in other letters or as class numbers."""
    pairs = set(zip(column, labels, strict=True))
    if len(pairs) != len(set(column)) or len(pairs) != len(set(labels)):
        return False
    return all(_plain(text) == _plain(label) for text, label in pairs) or all(_is_number(text) for text, _ in pairs)


def _plain(text: str) -> str:
    return f"{float(text):g}" if _is_number(text) else text.strip().casefold()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
