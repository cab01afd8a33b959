"""Labelled sound as a table of examples, each with its recording's group, so that splits can be honest."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import DataError
from auricle.tasks.table import Task

__all__ = ["Dataset", "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """A recording, or a part of one, and what is known about it.

    Parameters
    ----------
    file : where the sound is
    label : its class, or None where a number is learned
    target : its number, or None where a class is learned
    group : what must not stand on both sides of a split: the recording, or what the user named
    start_s, end_s : the part of the file; None for its end
    fold : the published fold, where it was asked for
    split, time : the published split and when it was recorded, as the table says
    metadata : every other column, and those that served as group or fold
    weight : how much it counts in a fit beside the others; scores count all alike
    """

    file: Path
    label: str | None
    target: float | None
    group: str
    start_s: float = 0.0
    end_s: float | None = None
    fold: str | None = None
    split: str | None = None
    time: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """Examples with one question: which class (``classify``), or which number (``regress``).

    Parameters
    ----------
    examples : at least one
    task : what is learned
    source : the table or folder, for messages and reports
    group_column : the column that was grouped by, or None where every recording is its own group

    Raises
    ------
    DataError : no examples, or one without what the task needs, or with a weight that is none
    """

    examples: tuple[Example, ...]
    task: Task
    source: str = "examples"
    group_column: str | None = None

    def __post_init__(self) -> None:
        if not self.examples:
            raise DataError(f"{self.source}: a data set must have at least one example. It has none.")
        for example in self.examples:
            if not 0 < example.weight < math.inf:
                raise DataError(f"{self.source}: a weight must be above 0. {example.file} has {example.weight}.")
            if (example.label if self.task == "classify" else example.target) is None:
                needed = "label" if self.task == "classify" else "target"
                raise DataError(f"{self.source}: every example must have a {needed}. {example.file} has none.")

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        task: Task | Literal["auto"] = "auto",
        label: str | None = None,
        target: str | None = None,
        group: str | None = None,
        fold: str | None = None,
        root: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """Read a folder with one sub-folder per class, a table, or a folder that holds ``metadata.csv``.

        Parameters
        ----------
        path : the folder or table (``.csv``, ``.jsonl``; ``.parquet`` with pyarrow)
        task : auto learns the number in ``target`` where there is that column, else the class in ``label``
        label, target : other columns to learn
        group : the column whose values must not stand on both sides of a split; by default ``group`` where the table
            has it, else every recording is its own
        fold : the column of published folds; they are used only when named
        root : where relative file names of a table begin; its own folder if not given. A table may name any file,
            with absolute paths and ``..`` too

        Raises
        ------
        DataError : rows, files, labels or targets that cannot be used
        UsageError : a column or folder that is not there, or options that contradict each other
        """
        from auricle.datasets.loading import load  # late: a convenience, for loading makes data sets

        base = None if root is None else Path(root)
        return load(Path(path), task=task, label=label, target=target, group=group, fold=fold, root=base)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted; empty where a number is learned."""
        return tuple(sorted({e.label for e in self.examples if e.label is not None})) if self.task == "classify" else ()

    @cached_property
    def labels(self) -> NDArray[np.str_]:
        """Shape (n,): the label of each example, or empty strings where a number is learned."""
        return np.array([example.label or "" for example in self.examples])

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """Shape (n,): the number of each example, or NaN where a class is learned."""
        return np.array([np.nan if e.target is None else e.target for e in self.examples], dtype=np.float64)

    @cached_property
    def groups(self) -> NDArray[np.str_]:
        """Shape (n,): the group of each example."""
        return np.array([example.group for example in self.examples])

    @cached_property
    def folds(self) -> NDArray[np.str_] | None:
        """Shape (n,): the published fold of each example, or None where they were not asked for."""
        folds = [example.fold for example in self.examples]
        return None if None in folds else np.array(folds)

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """Shape (n,): how much each example counts in a fit, or None where all count the same."""
        weights = np.array([example.weight for example in self.examples])
        return None if np.ptp(weights) == 0 else weights

    @property
    def n_recordings(self) -> int:
        """How many files there are."""
        return len({example.file for example in self.examples})

    def subset(self, indices: Sequence[int] | NDArray[np.intp]) -> Dataset:
        """Return the examples at these places, in their order, as a data set with the same question."""
        return replace(self, examples=tuple(self.examples[i] for i in indices))
