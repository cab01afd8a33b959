"""The dataset: labelled recordings with the groups that splits keep together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from auricle.audio.channels import MEAN
from auricle.errors import DataError
from auricle.records import Omitted
from auricle.tasks.table import Task

__all__ = ["MAX_TARGET", "Dataset", "Example"]

MEASURED_COLUMNS: Final = frozenset({"temperature_c", "battery_v", "latitude", "longitude"})
"""Columns of metadata that hold numbers, of which every recording may have its own."""

MAX_TARGET: Final = 1e100
"""Largest target whose squares can be summed."""


@dataclass(frozen=True, slots=True)
class Example:
    """A recording, or a part of one, with its label.

    Parameters
    ----------
    file : Path
    label : str or None
        True class; None for regression.
    target : float or None
        True value; None for classification.
    group : str
        Kept on one side of every split: the recording itself, or the value of a column that the user named.
    start_s, end_s : float
        Part of the file; ``end_s`` None for its end.
    fold : str or None
        Published fold, if its column was named.
    split, time : str or None
        Published split and time of recording, as in the table.
    metadata : mapping of str to str
        All other columns, including those used as group or fold.
    channel : str
        Channel of the file: ``mean``, ``max-energy`` or a number from 0.
    weight : float
        Weight in a fit; scores weight all examples equally.
    where : str
        Position of its row or annotation, for messages.
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
    channel: str = MEAN
    weight: float = 1.0
    where: str = field(default="", compare=False)

    @property
    def named_channel(self) -> str | None:
        """The channel, where the example names one; None leaves it to a model."""
        return None if self.channel == MEAN else self.channel

    @property
    def part(self) -> str:
        """Name of the part of the file, in keys of caches: its bounds, and the channel where it is not the mean."""
        return f"{self.start_s}:{self.end_s}" + ("" if self.channel == MEAN else f":{self.channel}")


@dataclass(frozen=True)
class Dataset:
    """Labelled examples for one task: ``classify`` or ``regress``.

    Parameters
    ----------
    examples : tuple of Example
        At least one.
    task : str
        ``classify`` or ``regress``.
    source : str
        The table or folder, for messages and reports.
    group_column : str or None
        Column of the groups; None if every recording is its own group.
    omitted : tuple of Omitted
        What reading left out.

    Raises
    ------
    DataError
        No examples, an example without label or target, or a weight that is not positive and finite.

    Examples
    --------
    >>> data = Dataset(
    ...     (Example(Path("a.wav"), "dog", None, "a.wav"), Example(Path("b.wav"), "cat", None, "b.wav")), "classify"
    ... )
    >>> data.classes, len(data), data.subset([1]).classes
    (('cat', 'dog'), 2, ('cat',))
    """

    examples: tuple[Example, ...]
    task: Task
    source: str = "examples"
    group_column: str | None = None
    omitted: tuple[Omitted, ...] = ()

    def __post_init__(self) -> None:
        if not self.examples:
            raise DataError(f"{self.source}: a dataset must have at least one example. It has none.")
        for example in self.examples:
            if not 0 < example.weight < math.inf:
                raise DataError(f"{self.source}: a weight must be above 0. {example.file} has {example.weight}.")
            if example.target is not None and not abs(example.target) <= MAX_TARGET:
                raise DataError(
                    f"{self.source}: a target must lie between -{MAX_TARGET:g} and {MAX_TARGET:g}. {example.file} has "
                    f"{example.target:g}: choose another unit."
                )
            if (example.label if self.task == "classify" else example.target) is None:
                needed = "label" if self.task == "classify" else "target"
                raise DataError(f"{self.source}: every example must have a {needed}. {example.file} has none.")

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | object,
        *,
        task: Task | Literal["auto"] = "auto",
        label: str | None = None,
        target: str | None = None,
        group: str | None = None,
        fold: str | None = None,
        root: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """Read a folder with one sub-folder per class, a table, a folder that holds ``metadata.csv``, or annotations.

        Parameters
        ----------
        path : str, path or data frame
            The folder, or table (``.csv``, ``.tsv``, ``.json``, ``.jsonl``; ``.parquet`` with pyarrow); annotations of
            Raven, Audacity, Praat, Kaleidoscope, BirdNET or OpenSoundscape, a file of them or a folder of recordings
            beside them; a pandas or Polars frame, an Arrow table, or a Hugging Face dataset with an ``Audio`` column.
        task : str
            ``classify``, ``regress``, or ``auto``: regression if the table has the column ``target``.
        label, target : str, optional
            Column of the class or of the value, if not ``label`` or ``target``.
        group : str, optional
            Column of the groups, which splits keep together; ``group`` if the table has it, else every recording is
            its own group.
        fold : str, optional
            Column of published folds; used only if named.
        root : str or path, optional
            Folder that relative file names of a table start from; by default the folder of the table. A table may
            name any file, also with absolute paths and ``..``.

        Raises
        ------
        DataError
            Rows, files, labels or targets that cannot be used.
        UsageError
            A column or folder that does not exist, or options that contradict each other.
        """
        from auricle.datasets.loading import load  # late: loading imports this module

        base = None if root is None else Path(root)
        return load(path, task=task, label=label, target=target, group=group, fold=fold, root=base)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Labels that occur, sorted; empty for regression."""
        return tuple(sorted({e.label for e in self.examples if e.label is not None})) if self.task == "classify" else ()

    @cached_property
    def labels(self) -> NDArray[np.str_]:
        """Label of each example, shape (n,); empty strings for regression."""
        return np.array([example.label or "" for example in self.examples])

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """Target of each example, shape (n,); NaN for classification."""
        return np.array([np.nan if e.target is None else e.target for e in self.examples], dtype=np.float64)

    @cached_property
    def groups(self) -> NDArray[np.str_]:
        """Group of each example, shape (n,)."""
        return np.array([example.group for example in self.examples])

    @cached_property
    def folds(self) -> NDArray[np.str_] | None:
        """Published fold of each example, shape (n,); None if no column was named."""
        folds = [example.fold for example in self.examples]
        return None if None in folds else np.array(folds)

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """Weight of each example in a fit, shape (n,); None if all are equal."""
        weights = np.array([example.weight for example in self.examples])
        return None if np.ptp(weights) == 0 else weights

    @cached_property
    def named_columns(self) -> tuple[str, ...]:
        """Columns of metadata that may name a machine, site or session; what a recorder measured does not."""
        return tuple(column for column in self.examples[0].metadata if column not in MEASURED_COLUMNS)

    @property
    def n_recordings(self) -> int:
        """Number of different files."""
        return len({example.file for example in self.examples})

    def subset(self, indices: Sequence[int] | NDArray[np.intp]) -> Dataset:
        """Return the examples with these indices, in this order, as a dataset of the same task."""
        return replace(self, examples=tuple(self.examples[i] for i in indices))
