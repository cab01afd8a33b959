"""What a model has heard: which recordings it was trained on, by content, and what it said of them without having."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import Profile

__all__ = ["NEVER", "UNANSWERED", "out_of_fold", "training_membership"]

NEVER: Final = -2
"""The place of a recording that a model was not trained on."""
UNANSWERED: Final = -1
"""The place of one that it was trained on, and whose answer its profile does not hold."""

SAME: Final = 0.01
"""Deviations by which no column of two standard rows differs where they are of the same sound: what a copy in another
format changes. Two takes of one steady machine differ by more in some column."""


def training_membership(profile: Profile, hashes: NDArray[np.uint8], rows: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return where a profile describes recordings: the place in its arrays, ``UNANSWERED``, or ``NEVER``.

    A recording is known by the hash of its file and, in another container or as a part of a file, by its standard row.

    Parameters
    ----------
    hashes : SHA-256 of each recording's file, uint8, shape (n, 32)
    rows : standard row of each, the mean over its windows, float32, shape (n, n_columns)
    """
    scale = profile.rows.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1.0
    known = profile.rows / scale
    trained_on = {digest.tobytes() for digest in profile.hashes}
    of_file: dict[bytes, list[int]] = {}
    for place, recording in enumerate(profile.chosen):
        of_file.setdefault(profile.hashes[recording].tobytes(), []).append(place)
    found = np.full(len(hashes), NEVER, np.intp)
    for index, (digest, row) in enumerate(zip(hashes, rows / scale, strict=True)):
        among = np.array(of_file.get(digest.tobytes(), np.arange(len(known))), np.intp)
        apart = np.abs(known[among] - row).max(axis=1)
        if apart.min() < SAME:
            found[index] = among[apart.argmin()]
        elif digest.tobytes() in trained_on:
            found[index] = UNANSWERED
    return found


def out_of_fold(bundle: Bundle) -> NDArray[np.str_] | NDArray[np.float64]:
    """Return what a model said of the recordings that its profile describes, each by fits that had left it out.

    Returns
    -------
    labels, or numbers, shape (m,)
    """
    answers = np.asarray(bundle.profile.answers, np.float64)
    if not bundle.manifest.classes:
        return answers[:, 0]
    return np.array(bundle.manifest.classes)[predicted_class(answers)]
