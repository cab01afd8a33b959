"""What a search works on: rows, which recording each is of, and what each recording is in truth."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import FeatureTable
from auricle.datasets.one_pass import WindowGrid
from auricle.features.pipeline import POOLED
from auricle.features.spec import FeatureSpec

__all__ = ["DesignMatrices", "DesignMatrix", "Scale"]

MakePart: TypeAlias = Callable[[str, FeatureSpec], NDArray[np.float32]]


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
class DesignMatrix:
    """The rows of all windows and the truth of all recordings.

    Parameters
    ----------
    rows : pooled rows, float32, shape (n_windows, n_columns)
    owner : recording of each window, shape (n_windows,)
    truth : index of the class, or the target, of each recording, shape (n,)
    classes : names in the order of the indices; empty for numbers
    weight : how much each recording counts in a fit, shape (n,); None where all count the same
    groups : of each recording, shape (n,); None makes each one its own
    further : other parts of rows by name, float32, shape (n_windows, n); each may be made when it is first asked for
    """

    rows: NDArray[np.float32]
    owner: NDArray[np.int64]
    truth: NDArray[Any]
    classes: tuple[str, ...]
    weight: NDArray[np.float64] | None = None
    groups: NDArray[np.str_] | None = None
    further: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, dataset: Dataset, examples: FeatureTable, further: Mapping[str, NDArray[np.float32]] | None = None
    ) -> Self:
        """Join a data set's truth to its features."""
        truth = dataset.targets if dataset.task == "regress" else np.searchsorted(dataset.classes, dataset.labels)
        return cls(
            rows=examples.rows,
            owner=examples.owner,
            truth=truth,
            classes=dataset.classes,
            weight=dataset.weights,
            groups=dataset.groups,
            further=further or {},
        )

    def design_matrix(self, parts: Sequence[str], windows: NDArray[Any] | None = None) -> NDArray[np.float32]:
        """Return the rows of some parts end to end, of some windows (a mask or indices) or of all."""
        found = [self._part(name) for name in parts]
        if windows is not None:
            found = [rows[windows] for rows in found]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def width(self, part: str) -> int:
        """Return how many columns a part has."""
        return int(self._part(part).shape[1])

    def only(self, parts: Iterable[str]) -> Self:
        """Return the table with nothing but some parts, each of them made."""
        wanted = set(parts)
        rows = self.rows if POOLED in wanted else self.rows[:0]
        return replace(self, rows=rows, further={name: self.further[name] for name in wanted - {POOLED}})

    def _part(self, name: str) -> NDArray[np.float32]:
        return self.rows if name == POOLED else self.further[name]

    def scale(self, recordings: NDArray[np.bool_]) -> Scale:
        """Return the scale of the truth over some recordings, given as a mask of shape (n,)."""
        if self.classes:
            return Scale()
        truth = self.truth[recordings]
        return Scale(float(truth.mean()), float(truth.std()) or 1.0, is_used=True)


class _Parts(Mapping[str, NDArray[np.float32]]):
    """The further parts of the rows of some windows, each made when it is first asked for, and then kept."""

    def __init__(self, names: Sequence[str], make: Callable[[str], NDArray[np.float32]]) -> None:
        self._names = tuple(names)
        self._make = make
        self._made: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _bound(make_part: MakePart, spec: FeatureSpec) -> Callable[[str], NDArray[np.float32]]:
    return lambda part: make_part(part, spec)


class DesignMatrices(Mapping[FeatureSpec | None, DesignMatrix]):
    """The rows of one data set under every spec that is tried, made when they are first asked for.

    Parameters
    ----------
    dataset : whose truth they share
    make : computes the features of the data set under a spec
    make_part : computes the rows of a further part, of the windows that a spec cuts
    further : names of the parts that there are
    max_bytes : of pooled rows that are held at once; those used longest ago make room, and are made anew when needed
    """

    def __init__(
        self,
        dataset: Dataset,
        make: Callable[[FeatureSpec], FeatureTable],
        make_part: MakePart | None = None,
        further: Sequence[str] = (),
        *,
        max_bytes: int = 2_000_000_000,
    ) -> None:
        self._dataset = dataset
        self._make = make
        self._max_bytes = max_bytes
        self._held: dict[FeatureSpec, FeatureTable] = {}
        self._make_part = make_part
        self._further = tuple(further)
        self._parts: dict[WindowGrid, _Parts] = {}

    def examples(self, spec: FeatureSpec) -> FeatureTable:
        """Return the features under a spec."""
        found = self._held.pop(spec, None) or self._make(spec)
        self._held[spec] = found
        while len(self._held) > 1 and sum(examples.rows.nbytes for examples in self._held.values()) > self._max_bytes:
            self._held.pop(next(iter(self._held)))
        return found

    def __getitem__(self, spec: FeatureSpec | None) -> DesignMatrix:
        if spec is None:
            raise KeyError(spec)
        further: Mapping[str, NDArray[np.float32]] = {}
        if self._make_part is not None:
            further = self._parts.setdefault(WindowGrid.of(spec), _Parts(self._further, _bound(self._make_part, spec)))
        return DesignMatrix.of(self._dataset, self.examples(spec), further)

    def __iter__(self) -> Iterator[FeatureSpec]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
