"""Profile of the training data: hashes of all recordings, and out-of-fold rows, predictions and labels for monitoring.

Monitoring compares live sound with the profile. Predictions are out of fold: each recording was predicted by a model
not trained on it, as live recordings are. Rows do not depend on the model's input: they hold named features at the
model's rate (:func:`~auricle.features.spec.standard_spec`) and the sound's quality measures.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError
from auricle.records import Quality

__all__ = ["MAX_PROFILED", "QUALITY_COLUMNS", "Profile", "quality_row"]

MAX_PROFILED = 5000
"""Most recordings with rows; of a larger data set, an evenly spaced sample."""

QUALITY_COLUMNS = tuple(field.name for field in fields(Quality))


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
    """

    hashes: NDArray[np.uint8]
    groups: NDArray[np.str_]
    truth: NDArray[Any]
    chosen: NDArray[np.int64]
    rows: NDArray[np.float32]
    quality: NDArray[np.float32]
    answers: NDArray[np.float32]
    novelty: NDArray[np.float32]

    def __post_init__(self) -> None:
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        n, m = self.hashes.shape[:1], self.chosen.shape[:1]
        of_all, of_sample = ("hashes", "groups", "truth"), ("chosen", "rows", "quality", "answers", "novelty")
        agree = n and m and all(shapes[x][:1] == n for x in of_all) and all(shapes[x][:1] == m for x in of_sample)
        if not agree or (self.chosen.size and not 0 <= self.chosen.min() <= self.chosen.max() < n[0]):
            raise BundleError(f"A profile's arrays must describe the same recordings. Their shapes are {shapes}.")

    @property
    def chosen_truth(self) -> NDArray[Any]:
        """Labels or targets of the sampled recordings, shape (m,)."""
        return self.truth[self.chosen]

    @property
    def chosen_groups(self) -> NDArray[np.str_]:
        """Groups of the sampled recordings, shape (m,)."""
        return self.groups[self.chosen]
