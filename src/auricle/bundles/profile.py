"""What the model saw: every training recording by hash, and out-of-fold rows, answers and truth for monitoring.

Monitoring compares live sound with these. They are out of fold: each recording was answered by a model that had not
trained on it, as live recordings are. What they hold does not depend on what the model eats: a row of named features
at the model's rate (:func:`~auricle.features.spec.standard_spec`) and the sound's quality measures.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError
from auricle.records import Quality

__all__ = ["MAX_PROFILED", "QUALITY_COLUMNS", "Profile", "quality_row"]

MAX_PROFILED = 5000
"""Most recordings whose rows are kept; of a larger set, an evenly spread choice."""

QUALITY_COLUMNS = tuple(field.name for field in fields(Quality))


def quality_row(quality: Quality) -> NDArray[np.float32]:
    """Return the measures as float32, shape (n,), in the order of ``QUALITY_COLUMNS``."""
    return np.array([getattr(quality, name) for name in QUALITY_COLUMNS], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The training recordings (n) and, for those chosen (m ≤ n), what monitoring compares with.

    Parameters
    ----------
    hashes : SHA-256 of each recording's file, uint8, shape (n, 32)
    groups : group of each recording, str, shape (n,)
    truth : label, str, or target, float64, of each recording, shape (n,)
    chosen : which recordings the arrays below describe, int64, shape (m,)
    rows : standard rows, the mean over a recording's windows, float32, shape (m, n_columns)
    quality : quality measures, float32, shape (m, n_measures), columns as in ``QUALITY_COLUMNS``
    answers : calibrated out-of-fold probabilities, shape (m, n_classes), or numbers, shape (m, 1), float32
    novelty : how unlike the others each is, out of fold, float32, shape (m,)
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
        whole, some = ("hashes", "groups", "truth"), ("chosen", "rows", "quality", "answers", "novelty")
        agree = n and m and all(shapes[x][:1] == n for x in whole) and all(shapes[x][:1] == m for x in some)
        if not agree or (self.chosen.size and not 0 <= self.chosen.min() <= self.chosen.max() < n[0]):
            raise BundleError(f"A profile's arrays must describe the same recordings. Their shapes are {shapes}.")

    @property
    def chosen_truth(self) -> NDArray[Any]:
        """Labels or targets of the chosen recordings, shape (m,)."""
        return self.truth[self.chosen]

    @property
    def chosen_groups(self) -> NDArray[np.str_]:
        """Groups of the chosen recordings, shape (m,)."""
        return self.groups[self.chosen]
