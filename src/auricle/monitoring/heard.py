"""Recordings of training among those that are watched: judged by the answers of models that had not heard them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.datasets.examples import content_hash
from auricle.monitoring.sample import Sample, reference_of

__all__ = ["as_unheard"]


def as_unheard(window: Sample, bundle: Bundle) -> tuple[Sample, tuple[str, ...]]:
    """Return recordings as they would be answered had the model never heard them, and what is to be said about that.

    A model knows the recordings that it learned from: it is surer of them, and finds nothing new in them. That is no
    drift, and their score is memory. The bundle holds what models answered that were fitted without each; those answers
    stand in. A recording of training without such answers, since a large set keeps but some, is left out.

    Parameters
    ----------
    window : recordings that the bundle's model answered, each called by the path of its file

    Raises
    ------
    AudioError : a file cannot be read
    """
    of_file: dict[bytes, list[int]] = {}
    for place, digest in enumerate(bundle.profile.hashes[bundle.profile.chosen]):
        of_file.setdefault(digest.tobytes(), []).append(place)
    heard = {digest.tobytes() for digest in bundle.profile.hashes}
    digests = [content_hash(Path(name)).tobytes() for name in window.ids.tolist()]
    known = np.array([digest in heard for digest in digests])
    if not known.any():
        return window, ()
    # A file may have been cut into several recordings: the nearest row tells which one it is.
    stands = {
        place: min(rows, key=lambda row: float(np.abs(bundle.profile.rows[row] - window.rows[place]).sum()))
        for place, digest in enumerate(digests)
        if (rows := of_file.get(digest))
    }
    reference, at, by = reference_of(bundle), list(stands), list(stands.values())
    arrays = {name: getattr(window, name).copy() for name in ("answers", "novelty", "unknown")}
    for name, values in arrays.items():
        values[at] = getattr(reference, name)[by]
    n_left = int(known.sum()) - len(stands)
    note = (
        f"{known.sum()} of {len(window)} recordings were in the training set: "
        "they are judged by the answers of models that had not heard them."
    )
    left = f" {n_left} of them, of which no such answers were kept, are left out." if n_left else ""
    there = np.ones(len(window), np.bool_)
    there[known] = False
    there[at] = True
    return replace(window, **arrays).subset(there), (note + left,)
