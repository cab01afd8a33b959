"""Training membership: which recordings a model was trained on, by content, and its out-of-fold predictions."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import Profile

__all__ = ["NOT_TRAINED_ON", "WITHOUT_PREDICTION", "are_among", "out_of_fold", "training_membership"]

NOT_TRAINED_ON: Final = -2
"""Index of a recording that the model was not trained on."""

WITHOUT_PREDICTION: Final = -1
"""Index of a training recording without an out-of-fold prediction in the profile."""


MAX_DEVIATION: Final = 0.01
"""Largest difference of the standard feature rows of one sound in two formats, in standard deviations of a column. Two
takes of a steady machine differ by more in some column."""


def training_membership(profile: Profile, hashes: NDArray[np.uint8], rows: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the index of each recording in a profile, ``WITHOUT_PREDICTION`` or ``NOT_TRAINED_ON``, shape (n,).

    A recording is recognised by the hash of its file or, in another format or as a part of a file, by its standard
    feature row.

    Parameters
    ----------
    profile : Profile
    hashes : uint8, shape (n, 32)
        SHA-256 of each recording's file.
    rows : float32, shape (n, n_columns)
        Standard feature rows.
    """
    scale = _scale(profile)
    known = profile.rows / scale
    trained_on = {digest.tobytes() for digest in profile.hashes}
    rows_of_file: dict[bytes, list[int]] = {}
    for row_index, recording in enumerate(profile.chosen):
        rows_of_file.setdefault(profile.hashes[recording].tobytes(), []).append(row_index)
    found = np.full(len(hashes), NOT_TRAINED_ON, np.intp)
    for index, (digest, row) in enumerate(zip(hashes, rows / scale, strict=True)):
        candidates = np.array(rows_of_file.get(digest.tobytes(), np.arange(len(known))), np.intp)
        distances = np.abs(known[candidates] - row).max(axis=1)
        if distances.min() < MAX_DEVIATION:
            found[index] = candidates[distances.argmin()]
        elif digest.tobytes() in trained_on:
            found[index] = WITHOUT_PREDICTION
    return found


def are_among(profile: Profile, rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether recordings are the same sounds as any of others, by their standard feature rows, shape (n,).

    Parameters
    ----------
    profile : Profile
        Of a model, whose training data give the scale.
    rows : float32, shape (n, n_columns)
    others : float32, shape (m, n_columns)
    """
    scale = _scale(profile)
    return np.array([(np.abs((others - row) / scale).max(axis=1) < MAX_DEVIATION).any() for row in rows], bool)


def _scale(profile: Profile) -> NDArray[np.float64]:
    """Return the standard deviation of each column of the standard row, 1 for constant ones."""
    scale = profile.rows.std(axis=0, dtype=np.float64)
    return np.where(scale == 0, 1.0, scale)


def out_of_fold(bundle: Bundle) -> NDArray[np.str_] | NDArray[np.float64]:
    """Return the out-of-fold predictions of the recordings in a model's profile: classes or numbers, shape (m,)."""
    outputs = np.asarray(bundle.profile.answers, np.float64)
    if not bundle.manifest.classes:
        return outputs[:, 0]
    return np.array(bundle.manifest.classes)[predicted_class(outputs)]
