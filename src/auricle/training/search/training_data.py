"""Training data of a search: feature rows, the recording of each row, and the target of each recording, by spec."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import FeatureTable
from auricle.datasets.one_pass import WindowGrid
from auricle.features.pipeline import POOLED
from auricle.features.spec import FeatureSpec

__all__ = ["TargetScale", "TrainingData", "TrainingDataBySpec"]

MakeBlock: TypeAlias = Callable[[FeatureSpec, str], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class TargetScale:
    """How numeric targets are standardised for fitting; class indices stay as they are."""

    mean: float = 0.0
    deviation: float = 1.0
    is_used: bool = False

    def standardize(self, truth: NDArray[Any]) -> NDArray[Any]:
        """Return targets as models are fitted to them."""
        return (truth - self.mean) / self.deviation if self.is_used else truth

    def restore(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a model's numbers in the target's unit."""
        return predictions * self.deviation + self.mean


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Feature rows of all windows, and the target of each recording.

    Parameters
    ----------
    rows : float32, shape (n_windows, n_columns)
        Pooled features.
    owner : int64, shape (n_windows,)
        Index of the recording of each window.
    truth : int or float64, shape (n_recordings,)
        Index of the true class, or the target.
    classes : tuple of str
        Names in the order of the indices; empty for numbers.
    weight : float64, shape (n_recordings,), or None
        Weight of each recording in a fit; None weighs all the same.
    groups : str, shape (n_recordings,), or None
        None makes each recording its own group.
    block_rows : mapping of str to float32, shape (n_windows, n)
        Further feature blocks by name; each may be computed at its first use.
    """

    rows: NDArray[np.float32]
    owner: NDArray[np.int64]
    truth: NDArray[Any]
    classes: tuple[str, ...]
    weight: NDArray[np.float64] | None = None
    groups: NDArray[np.str_] | None = None
    block_rows: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, dataset: Dataset, features: FeatureTable, block_rows: Mapping[str, NDArray[np.float32]] | None = None
    ) -> Self:
        """Join the targets of a data set to its features."""
        truth = dataset.targets if dataset.task == "regress" else np.searchsorted(dataset.classes, dataset.labels)
        return cls(
            rows=features.rows,
            owner=features.owner,
            truth=truth,
            classes=dataset.classes,
            weight=dataset.weights,
            groups=dataset.groups,
            block_rows={} if block_rows is None else block_rows,  # lazy ones are empty at first
        )

    def design_matrix(self, feature_set: Sequence[str], windows: NDArray[Any] | None = None) -> NDArray[np.float32]:
        """Return the rows of some feature blocks end to end, of some windows (a mask or indices) or of all."""
        found = [self._block(name) for name in feature_set]
        if windows is not None:
            found = [rows[windows] for rows in found]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def width(self, block: str) -> int:
        """Return the number of columns of a feature block."""
        return int(self._block(block).shape[1])

    def only(self, blocks: Iterable[str]) -> Self:
        """Return the data with these feature blocks alone, each of them computed."""
        names = set(blocks)
        rows = self.rows if POOLED in names else self.rows[:0]
        return replace(self, rows=rows, block_rows={name: self.block_rows[name] for name in names - {POOLED}})

    def _block(self, name: str) -> NDArray[np.float32]:
        return self.rows if name == POOLED else self.block_rows[name]

    def scale(self, recordings: NDArray[np.bool_]) -> TargetScale:
        """Return the scale of the targets of some recordings, given as a mask of shape (n_recordings,)."""
        if self.classes:
            return TargetScale()
        truth = self.truth[recordings]
        return TargetScale(float(truth.mean()), float(truth.std()) or 1.0, is_used=True)


class _LazyBlocks(dict[str, NDArray[np.float32]]):
    """Rows of feature blocks by name, each computed at its first use and then kept."""

    def __init__(self, make: Callable[[str], NDArray[np.float32]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> NDArray[np.float32]:
        self[name] = self._make(name)
        return self[name]


class TrainingDataBySpec(Mapping[FeatureSpec | None, TrainingData]):
    """Training data of one data set under every spec that is tried, computed at first use.

    Parameters
    ----------
    dataset : Dataset
    make_features : callable
        Computes the features of the data set under a spec.
    make_block : callable or None
        Computes the rows of a feature block, by its name, of the windows of a spec.
    max_bytes : int
        Most bytes of pooled rows that are held; those used longest ago are dropped, and computed anew when needed.
    """

    def __init__(
        self,
        dataset: Dataset,
        make_features: Callable[[FeatureSpec], FeatureTable],
        make_block: MakeBlock | None = None,
        *,
        max_bytes: int = 2_000_000_000,
    ) -> None:
        self._dataset = dataset
        self._make_features = make_features
        self._make_block = make_block
        self._max_bytes = max_bytes
        self._held: dict[FeatureSpec, FeatureTable] = {}
        self._blocks: dict[WindowGrid, _LazyBlocks] = {}

    def features(self, spec: FeatureSpec) -> FeatureTable:
        """Return the features under a spec."""
        found = self._held.pop(spec, None) or self._make_features(spec)
        self._held[spec] = found
        while len(self._held) > 1 and sum(table.rows.nbytes for table in self._held.values()) > self._max_bytes:
            self._held.pop(next(iter(self._held)))
        return found

    def __getitem__(self, spec: FeatureSpec | None) -> TrainingData:
        if spec is None:
            raise KeyError(spec)
        block_rows: Mapping[str, NDArray[np.float32]] = {}
        if self._make_block is not None:
            blocks = _LazyBlocks(partial(self._make_block, spec))
            block_rows = self._blocks.setdefault(WindowGrid.of(spec), blocks)
        return TrainingData.of(self._dataset, self.features(spec), block_rows)

    def __iter__(self) -> Iterator[FeatureSpec]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
