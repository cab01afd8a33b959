"""Training recordings among live ones: their out-of-fold predictions replace those of the model."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from auricle.bundles.profile import Profile
from auricle.datasets.one_pass import content_hash
from auricle.monitoring.sources.sample import Sample

__all__ = ["drop_unprofiled", "substitute_out_of_fold"]


def substitute_out_of_fold(window: Sample, reference: Sample) -> tuple[Sample, tuple[str, ...]]:
    """Return the window with out-of-fold predictions for training recordings, and a note.

    A model is more confident, and less surprised, on recordings that it was fitted to; that is no drift, and their
    score is too good. A recording is recognised by its standard feature row, which is bit for bit the same for the same
    sound.

    Parameters
    ----------
    window : Sample
        Live recordings.
    reference : Sample
        Training data with out-of-fold predictions.
    """
    index_of = {row.tobytes(): index for index, row in enumerate(reference.rows)}
    indices = np.array([index_of.get(row.tobytes(), -1) for row in window.rows], np.intp)
    known = indices >= 0
    if not known.any():
        return window, ()
    arrays = {name: getattr(window, name).copy() for name in ("outputs", "novelty", "unknown")}
    for name, values in arrays.items():
        values[known] = getattr(reference, name)[indices[known]]
    note = (
        f"{known.sum()} of {len(window)} recordings were in the training set: their out-of-fold predictions are used."
    )
    return replace(window, **arrays), (note,)


def drop_unprofiled(window: Sample, profile: Profile) -> tuple[Sample, int]:
    """Leave out training recordings that are not in a bundle's profile; return the rest and their number.

    The profile of a large training set holds a part of it; the remaining recordings have no out-of-fold prediction.

    Parameters
    ----------
    window : Sample
        Recordings with file paths as ids.
    profile : Profile

    Raises
    ------
    AudioError
        A file cannot be read.
    """
    if len(profile.chosen) == len(profile.hashes):
        return window, 0
    kept = {row.tobytes() for row in profile.rows}
    trained = {digest.tobytes() for digest in profile.hashes}
    unkept = np.array(
        [
            row.tobytes() not in kept and content_hash(Path(name)).tobytes() in trained
            for row, name in zip(window.rows, window.ids.tolist(), strict=True)
        ],
        np.bool_,
    )
    return window.subset(~unkept), int(unkept.sum())
