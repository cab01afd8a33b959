"""Samples: recordings with predictions of one model as arrays, the common input of all checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.errors import BundleError, DataError
from auricle.evaluation.scores import losses
from auricle.runtime import clock

__all__ = ["Sample", "reference_sample", "to_datetime", "to_datetime64"]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Recordings (n) with predictions of one model.

    Parameters
    ----------
    model : str
        ``name@version``.
    classes : tuple of str
        Classes in the order of ``outputs``; empty for regression.
    columns : tuple of str
        Names of the standard feature row.
    ids : str, shape (n,)
    times : datetime64[us], shape (n,)
        Recording times in UTC; NaT where unknown.
    groups : str, shape (n,)
        Recordings of one group are not independent.
    rows : float32, shape (n, n_columns)
        Standard feature rows.
    quality : float32, shape (n, n_measures)
        Quality measures in the order of ``QUALITY_COLUMNS``.
    outputs : float32, shape (n, n_classes) or (n, 1)
        Calibrated probabilities, or predicted numbers.
    novelty : float32, shape (n,)
    unknown : bool, shape (n,)
        Whether the novelty exceeds the model's threshold.
    rates_hz : int64, shape (n,)
        Sample rate of the recording; 0 where unknown.
    truth : str or float64, shape (n,)
        Labels or targets; empty or NaN where unlabelled.
    label_times : datetime64[us], shape (n,)
        Times of labelling; NaT where unlabelled or unknown.
    metadata : mapping of str to str array, shape (n,)
        Further columns; empty where unknown.

    Raises
    ------
    DataError
        Arrays of different lengths.
    """

    model: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    ids: NDArray[np.str_]
    times: NDArray[np.datetime64]
    groups: NDArray[np.str_]
    rows: NDArray[np.float32]
    quality: NDArray[np.float32]
    outputs: NDArray[np.float32]
    novelty: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    rates_hz: NDArray[np.int64]
    truth: NDArray[Any]
    label_times: NDArray[np.datetime64]
    metadata: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in _ARRAYS}
        shapes |= {f"metadata {name}": values.shape for name, values in self.metadata.items()}
        width = {"rows": len(self.columns), "quality": len(QUALITY_COLUMNS), "outputs": len(self.classes) or 1}
        wanted = {name: (len(self), width[name]) if name in width else (len(self),) for name in shapes}
        if wrong := [f"{name} {shapes[name]}" for name in shapes if shapes[name] != wanted[name]]:
            raise DataError(f"A sample's arrays must describe the same {len(self)} recordings. Got {', '.join(wrong)}.")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Whether each recording has a label, shape (n,)."""
        return np.asarray(self.truth != "" if self.classes else np.isfinite(self.truth))

    @property
    def predicted(self) -> NDArray[np.intp]:
        """Index of the predicted class, shape (n,)."""
        return predicted_class(self.outputs)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the predicted class, shape (n,)."""
        return np.asarray(self.outputs.max(axis=1), np.float64)

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each prediction equals the label, shape (n,); false for unlabelled recordings."""
        return np.asarray(np.array(self.classes)[self.predicted] == self.truth)

    @property
    def losses(self) -> NDArray[np.float64]:
        """0 for a correct class and 1 for a wrong one, or the absolute error of a number, shape (n,)."""
        if self.classes:
            return losses(self.truth, np.array(self.classes)[self.predicted], is_class=True)
        return losses(self.truth, self.outputs[:, 0].astype(np.float64), is_class=False)

    @property
    def is_grouped(self) -> bool:
        """Whether any two recordings share a group."""
        return len(np.unique(self.groups)) < len(self)

    def measure(self, name: str) -> NDArray[np.float32]:
        """Return one quality measure, shape (n,)."""
        return np.asarray(self.quality[:, QUALITY_COLUMNS.index(name)])

    def subset(self, indices: NDArray[np.intp] | NDArray[np.bool_]) -> "Sample":
        """Return the recordings at some indices, or where a mask is true."""
        arrays = {name: getattr(self, name)[indices] for name in _ARRAYS}
        return replace(self, **arrays, metadata={name: values[indices] for name, values in self.metadata.items()})


_ARRAYS = tuple(f.name for f in fields(Sample) if f.name not in ("model", "classes", "columns", "metadata"))


def to_datetime64(moment: datetime) -> np.datetime64:
    """Return a datetime of any zone as datetime64[us] in UTC."""
    return np.datetime64(clock.to_us(moment), "us")


def to_datetime(time: np.datetime64) -> datetime | None:
    """Return a datetime64 in UTC as a datetime; None for NaT."""
    return None if np.isnat(time) else clock.from_us(int(time.astype("datetime64[us]").astype(np.int64)))


def reference_sample(bundle: Bundle) -> Sample:
    """Return the training data of a bundle with out-of-fold predictions, as the reference of live recordings.

    Raises
    ------
    BundleError
        A bundle without a reference.
    """
    profile, manifest = bundle.profile, bundle.manifest
    n = len(profile.chosen)
    if not n:
        raise BundleError(
            f"{bundle.id}: a bundle must hold the recordings that live ones are compared with. This one has none: "
            "train it again."
        )
    return Sample(
        model=bundle.id,
        classes=manifest.classes,
        columns=manifest.standard.columns,
        ids=np.array([bytes(digest).hex()[:12] for digest in profile.hashes[profile.chosen]]),
        times=np.full(n, np.datetime64("NaT", "us")),
        groups=profile.chosen_groups,
        rows=profile.rows,
        quality=profile.quality,
        outputs=profile.answers,
        novelty=profile.novelty,
        unknown=profile.novelty > bundle.novelty.thresholds[1],
        rates_hz=np.zeros(n, np.int64),
        truth=profile.chosen_truth,
        label_times=np.full(n, np.datetime64("NaT", "us")),
        metadata=profile.metadata,
    )
