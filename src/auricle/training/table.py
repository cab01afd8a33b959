"""What a search works on: rows, which recording each is of, and what each recording is in truth."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.examples import Examples
from auricle.features.spec import FeatureSpec

__all__ = ["Scale", "Table", "Tables"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers are standardised for fitting; for classes it changes nothing."""

    mean: float = 0.0
    deviation: float = 1.0
    is_used: bool = False

    def standardised(self, truth: NDArray[Any]) -> NDArray[Any]:
        """Return what a model is fitted to."""
        return (truth - self.mean) / self.deviation if self.is_used else truth

    def original(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a model's numbers in the target's unit."""
        return answers * self.deviation + self.mean


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of all windows and the truth of all recordings.

    Parameters
    ----------
    rows : float32, shape (n_windows, n_columns)
    owner : recording of each window, shape (n_windows,)
    truth : index of the class, or the target, of each recording, shape (n,)
    classes : names in the order of the indices; empty for numbers
    weight : how much each recording counts in a fit, shape (n,); None where all count the same
    """

    rows: NDArray[np.float32]
    owner: NDArray[np.int64]
    truth: NDArray[Any]
    classes: tuple[str, ...]
    weight: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, dataset: Dataset, examples: Examples) -> Self:
        """Join a data set's truth to its features."""
        if dataset.task == "regress":
            return cls(examples.rows, examples.owner, dataset.targets, (), weight=dataset.weights)
        truth = np.searchsorted(dataset.classes, dataset.labels)
        return cls(examples.rows, examples.owner, truth, dataset.classes, weight=dataset.weights)

    def scale(self, recordings: NDArray[np.bool_]) -> Scale:
        """Return the scale of the truth over some recordings, given as a mask of shape (n,)."""
        if self.classes:
            return Scale()
        truth = self.truth[recordings]
        return Scale(float(truth.mean()), float(truth.std()) or 1.0, is_used=True)


class Tables(Mapping[FeatureSpec | None, Table]):
    """The rows of one data set under every spec that is tried, made when they are first asked for.

    Parameters
    ----------
    dataset : whose truth they share
    make : computes the features of the data set under a spec
    max_bytes : of rows that are held at once; those used longest ago make room, and are made anew when needed
    """

    def __init__(
        self, dataset: Dataset, make: Callable[[FeatureSpec], Examples], *, max_bytes: int = 2_000_000_000
    ) -> None:
        self._dataset = dataset
        self._make = make
        self._max_bytes = max_bytes
        self._held: dict[FeatureSpec, Examples] = {}

    def examples(self, spec: FeatureSpec) -> Examples:
        """Return the features under a spec."""
        found = self._held.pop(spec, None) or self._make(spec)
        self._held[spec] = found
        while len(self._held) > 1 and sum(examples.rows.nbytes for examples in self._held.values()) > self._max_bytes:
            self._held.pop(next(iter(self._held)))
        return found

    def __getitem__(self, spec: FeatureSpec | None) -> Table:
        if spec is None:
            raise KeyError(spec)
        return Table.of(self._dataset, self.examples(spec))

    def __iter__(self) -> Iterator[FeatureSpec]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
