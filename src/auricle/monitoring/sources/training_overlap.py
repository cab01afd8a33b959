"""Recordings of training among those that are watched: judged by the answers of models that had not heard them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from auricle.bundles.profile import Profile
from auricle.datasets.one_pass import content_hash
from auricle.monitoring.sources.sample import Sample

__all__ = ["substitute_out_of_fold", "drop_unprofiled"]


def substitute_out_of_fold(window: Sample, reference: Sample) -> tuple[Sample, tuple[str, ...]]:
    """Return recordings as they would be answered had the model never heard them, and what is to be said about that.

    A model knows the recordings that it learned from: it is surer of them, and finds nothing new in them. That is no
    drift, and their score is memory. The reference holds what models answered that were fitted without each; those
    answers stand in. A recording is known by its row: the same sound gives the same numbers, bit for bit.

    Parameters
    ----------
    window : recordings that the model answered
    reference : those of training, answered out of fold
    """
    of_row = {row.tobytes(): place for place, row in enumerate(reference.rows)}
    by = np.array([of_row.get(row.tobytes(), -1) for row in window.rows], np.intp)
    known = by >= 0
    if not known.any():
        return window, ()
    arrays = {name: getattr(window, name).copy() for name in ("answers", "novelty", "unknown")}
    for name, values in arrays.items():
        values[known] = getattr(reference, name)[by[known]]
    note = (
        f"{known.sum()} of {len(window)} recordings were in the training set: "
        "they are judged by the answers of models that had not heard them."
    )
    return replace(window, **arrays), (note,)


def drop_unprofiled(window: Sample, profile: Profile) -> tuple[Sample, int]:
    """Leave out recordings of training of which a bundle kept no row, as it does of large sets; also return how many.

    Parameters
    ----------
    window : recordings that are called by the paths of their files, whole or not

    Raises
    ------
    AudioError : a file cannot be read
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
