"""Profile of the training data: hashes of all recordings, and out-of-fold rows, predictions and labels for monitoring.

Monitoring compares live sound with the profile. Predictions are out of fold: each recording was predicted by a model
not trained on it, as live recordings are. Rows do not depend on the model's input: they hold named features at the
model's rate (:func:`~auricle.features.spec.standard_spec`) and the sound's quality measures.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError
from auricle.records import Quality

__all__ = [
    "MAX_PROFILED",
    "OTHER_VALUES",
    "QUALITY_COLUMNS",
    "Profile",
    "decode_metadata",
    "encode_metadata",
    "metadata_columns",
    "quality_row",
]

MAX_PROFILED = 5000
"""Most recordings with rows; of a larger data set, an evenly spaced sample."""

MAX_COLUMNS: Final = 64
MAX_VALUES: Final = 256
MAX_LENGTH: Final = 255
"""Most metadata columns, values of one, and characters of a value; the rarest values become ``OTHER_VALUES``."""

OTHER_VALUES: Final = "(others)"

QUALITY_COLUMNS = tuple(one.name for one in fields(Quality))


def quality_row(quality: Quality) -> NDArray[np.float32]:
    """Return the measures as float32, shape (n,), in the order of ``QUALITY_COLUMNS``."""
    return np.array([getattr(quality, name) for name in QUALITY_COLUMNS], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The training recordings (n), with rows and predictions of a sample of them (m ≤ n).

    Parameters
    ----------
    hashes : uint8, shape (n, 32)
        SHA-256 of each recording's file.
    groups : str, shape (n,)
    truth : str or float64, shape (n,)
        Label or target.
    chosen : int64, shape (m,)
        Indices of the sampled recordings, which the arrays below describe.
    rows : float32, shape (m, n_columns)
        Standard rows, each the mean over a recording's windows.
    quality : float32, shape (m, n_measures)
        Quality measures, in the order of ``QUALITY_COLUMNS``.
    answers : float32, shape (m, n_classes or 1)
        Out-of-fold predictions: calibrated probabilities, or numbers.
    novelty : float32, shape (m,)
        Out-of-fold novelty.
    metadata : mapping of str to str array, shape (m,)
        Further columns of the data, from :func:`metadata_columns`; none in bundles written before they were kept.
    """

    hashes: NDArray[np.uint8]
    groups: NDArray[np.str_]
    truth: NDArray[Any]
    chosen: NDArray[np.int64]
    rows: NDArray[np.float32]
    quality: NDArray[np.float32]
    answers: NDArray[np.float32]
    novelty: NDArray[np.float32]
    metadata: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in self.arrays()}
        n, m = self.hashes.shape[:1], self.chosen.shape[:1]
        of_all, of_sample = ("hashes", "groups", "truth"), ("chosen", "rows", "quality", "answers", "novelty")
        agree = (
            n
            and m
            and all(values.shape == m for values in self.metadata.values())
            and all(shapes[x][:1] == n for x in of_all)
            and all(shapes[x][:1] == m for x in of_sample)
        )
        if not agree or (self.chosen.size and not 0 <= self.chosen.min() <= self.chosen.max() < n[0]):
            raise BundleError(f"A profile's arrays must describe the same recordings. Their shapes are {shapes}.")

    @classmethod
    def arrays(cls) -> tuple[str, ...]:
        """Return the names of the fields that are arrays."""
        return tuple(one.name for one in fields(cls) if one.name != "metadata")

    @property
    def chosen_truth(self) -> NDArray[Any]:
        """Labels or targets of the sampled recordings, shape (m,)."""
        return self.truth[self.chosen]

    @property
    def chosen_groups(self) -> NDArray[np.str_]:
        """Groups of the sampled recordings, shape (m,)."""
        return self.groups[self.chosen]


def metadata_columns(rows: Sequence[Mapping[str, str]]) -> dict[str, NDArray[np.str_]]:
    """Return the metadata of recordings by column, bounded in columns, values and characters; empty where unknown.

    Parameters
    ----------
    rows : sequence of mapping of str to str, length m

    Returns
    -------
    dict of str to str array, shape (m,)
        The first 64 columns. Of a column's values, the 256 most frequent; others are ``OTHER_VALUES``.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))[:MAX_COLUMNS]
    found = {}
    for name in names:
        column = np.array([row.get(name, "")[:MAX_LENGTH] for row in rows], np.str_)
        values, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
        rank = np.empty(len(values), np.intp)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(values))
        found[name] = np.where(rank[codes] < MAX_VALUES, column, OTHER_VALUES).astype(np.str_)
    return found


def encode_metadata(metadata: Mapping[str, NDArray[np.str_]]) -> bytes:
    """Return metadata columns as JSON: of each, its values, and the index of each recording's value."""
    columns = {}
    for name, column in metadata.items():
        values, codes = np.unique(column, return_inverse=True)
        columns[name] = {"values": values.tolist(), "codes": codes.tolist()}
    return json.dumps(columns, ensure_ascii=False).encode()


def decode_metadata(content: bytes) -> dict[str, NDArray[np.str_]]:
    """Return metadata columns from the JSON of :func:`encode_metadata`.

    Raises
    ------
    BundleError
        Not that JSON, or beyond its bounds.
    """
    try:
        columns = json.loads(content)
        found = {str(name): np.array(one["values"], np.str_)[one["codes"]] for name, one in columns.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise BundleError(f"A profile's metadata must be columns of values and codes. {error}.") from error
    if len(found) > MAX_COLUMNS or any(column.ndim != 1 for column in found.values()):
        raise BundleError(
            f"A profile's metadata must be at most {MAX_COLUMNS} columns, each with a value per recording."
        )
    return found
