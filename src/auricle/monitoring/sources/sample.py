"""Recordings watched, as arrays: what a check compares, wherever they come from."""

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

__all__ = ["Sample", "to_datetime", "reference_sample", "to_datetime64"]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Recordings (n) that one model answered.

    Parameters
    ----------
    model : name and version of what answered
    classes : that it knows, in the order of ``answers``; none where it answers with a number
    columns : names of the standard row
    ids : what each is called, str, shape (n,)
    times : when each was asked about, datetime64[us] in UTC, shape (n,); NaT where nobody knows
    groups : recordings of one group are not independent, str, shape (n,)
    rows : standard rows, float32, shape (n, n_columns)
    quality : measures as in ``QUALITY_COLUMNS``, float32, shape (n, n_measures)
    answers : calibrated probabilities, shape (n, n_classes), or numbers, shape (n, 1), float32
    novelty : float32, shape (n,)
    unknown : whether each was too unlike the training sound, bool, shape (n,)
    rates_hz : sample rate of the sound as it came, int64, shape (n,); 0 where nobody knows
    truth : label, str, or target, float64, shape (n,); empty or NaN where nobody told it
    labelled : when it was told, datetime64[us], shape (n,); NaT where it was not, or nobody knows
    metadata : columns of text by name, each of shape (n,); empty where nothing was told

    Raises
    ------
    DataError : arrays of different lengths
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
        """Whether somebody told the truth of each recording, shape (n,)."""
        return np.asarray(self.truth != "" if self.classes else np.isfinite(self.truth))

    @property
    def predicted(self) -> NDArray[np.intp]:
        """Index of the class answered, shape (n,)."""
        return predicted_class(self.outputs)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the class answered, shape (n,)."""
        return np.asarray(self.outputs.max(axis=1), np.float64)

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each answer is the label, shape (n,); false where there is none."""
        return np.asarray(np.array(self.classes)[self.predicted] == self.truth)

    @property
    def losses(self) -> NDArray[np.float64]:
        """1 where the predicted class is wrong and 0 where it is right, or how far a number is off, shape (n,)."""
        if self.classes:
            return losses(self.truth, np.array(self.classes)[self.predicted], is_class=True)
        return losses(self.truth, self.outputs[:, 0].astype(np.float64), is_class=False)

    @property
    def is_grouped(self) -> bool:
        """Whether any two recordings share a group."""
        return len(np.unique(self.groups)) < len(self)

    def measure(self, name: str) -> NDArray[np.float32]:
        """Return one measure of the sound's quality, shape (n,)."""
        return np.asarray(self.quality[:, QUALITY_COLUMNS.index(name)])

    def subset(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> "Sample":
        """Return the recordings at these places."""
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        return replace(self, **arrays, metadata={name: values[places] for name, values in self.metadata.items()})


_ARRAYS = tuple(f.name for f in fields(Sample) if f.name not in ("model", "classes", "columns", "metadata"))


def to_datetime64(moment: datetime) -> np.datetime64:
    """Return a moment, of any zone, as a time of a sample: datetime64[us] in UTC."""
    return np.datetime64(clock.to_us(moment), "us")


def to_datetime(time: np.datetime64) -> datetime | None:
    """Return a time of a sample as a datetime in UTC; None for NaT."""
    return None if np.isnat(time) else clock.from_us(int(time.astype("datetime64[us]").astype(np.int64)))


def reference_sample(bundle: Bundle) -> Sample:
    """Return what a bundle's model saw, answered out of fold: what live recordings are compared with.

    Raises
    ------
    BundleError : a bundle without a reference
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
    )
