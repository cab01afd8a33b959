"""Selection of labels for a retraining: deduplication, a cap per API key, held-out groups, and weights by age."""

import hashlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.lifecycle.paired_predictions import MIN_BLOCKS
from auricle.lifecycle.promotion import HELD_OUT_SHARE, MIN_RECORDINGS

__all__ = [
    "HALF_LIFE_DAYS",
    "HELD_OUT_SHARE",
    "MAX_SHARE_PER_KEY",
    "MIN_WEIGHT",
    "HeldOut",
    "age_weights",
    "cap_per_key",
    "choose_held_out",
    "deduplicate",
]

MAX_SHARE_PER_KEY: Final = 0.2
"""Largest share of the used labels that one key may give."""
HALF_LIFE_DAYS: Final = 90.0
"""Age at which the weight of a recording is one half."""
MIN_WEIGHT: Final = 0.25
"""Weight of the oldest recordings; the hold-out is as old, and must not be forgotten."""


class HeldOut(NamedTuple):
    """Recordings held out of training, bool, shape (n,), and how they were chosen."""

    mask: NDArray[np.bool_]
    by: str


def deduplicate(sounds: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the labels to use where one sound has several: the last one, or none if they disagree.

    Parameters
    ----------
    sounds : str or None, shape (n,)
        SHA-256 of the kept sound, oldest first; None where it was not kept.
    truth : str or float64, shape (n,)
        Labels, or numbers; the last number counts.

    Returns
    -------
    bool, shape (n,)

    Examples
    --------
    >>> sounds = np.array(["a", "a", "b", "b"], object)
    >>> deduplicate(sounds, np.array(["cat", "cat", "cat", "dog"])).tolist()
    [False, True, False, False]
    """
    use = np.ones(len(sounds), bool)
    indices: dict[str, list[int]] = {}
    for index, sound in enumerate(sounds):
        if sound is not None:
            indices.setdefault(sound, []).append(index)
    for of_sound in indices.values():
        use[of_sound[:-1]] = False
        if truth.dtype.kind != "f" and len({truth[index] for index in of_sound}) > 1:
            use[of_sound] = False
    return use


def cap_per_key(
    keys: NDArray[np.str_], trusted: Collection[str], *, share: float = MAX_SHARE_PER_KEY
) -> NDArray[np.bool_]:
    """Return the labels to use so that no key gives more than its share of them.

    The newest labels of a capped key are used. Keys that may promote a model, and labels given on the machine itself
    without a key, are trusted and not capped: they could do worse than mislabel.

    Parameters
    ----------
    keys : str, shape (n,)
        Key of each label, oldest first.
    trusted : collection of str
        Keys without a cap.
    share : float
        Largest share per key.

    Returns
    -------
    bool, shape (n,)
        All false with fewer than 1 / ``share`` keys, none of them trusted.
    """
    names, member, counts = np.unique(keys, return_inverse=True, return_counts=True)
    uncapped = np.isin(names, list(trusted))
    most = np.where(uncapped, counts, 0)
    for cap in range(int(counts[~uncapped].max(initial=0)), 0, -1):
        used = np.where(uncapped, counts, np.minimum(counts, cap))
        if min(cap, used[~uncapped].max()) <= share * used.sum() + 1e-9:
            most = used
            break
    newer = np.zeros(len(keys), np.int64)  # how many of the same key come after
    n_seen = np.zeros(len(names), np.int64)
    for index in range(len(keys) - 1, -1, -1):
        newer[index] = n_seen[member[index]]
        n_seen[member[index]] += 1
    return np.asarray(newer < most[member])


def choose_held_out(groups: NDArray[np.str_], trained_groups: Collection[str]) -> HeldOut:
    """Hold about a third of the recordings out of training: whole groups, the same in every retraining.

    Groups are chosen by the hash of their name; groups that a model was trained on are not held out. With too few
    groups, or fewer than ``MIN_RECORDINGS`` recordings in them, the latest third of every group is held out instead;
    the comparison is then on the same groups, later in time.

    Parameters
    ----------
    groups : str, shape (n,)
        Oldest first.
    trained_groups : collection of str
        Groups of the original data and of the champion's training.
    """
    names, member = np.unique(groups, return_inverse=True)
    is_drawn = np.array([_hash_fraction(name) < HELD_OUT_SHARE and name not in trained_groups for name in names], bool)
    mask = is_drawn[member]
    if len(names) >= MIN_BLOCKS and MIN_RECORDINGS <= mask.sum() <= len(groups) / 2:
        return HeldOut(np.asarray(mask), "by group")
    mask = np.zeros(len(groups), bool)
    for index in range(len(names)):
        of_group = np.flatnonzero(member == index)
        mask[of_group[len(of_group) - int(len(of_group) * HELD_OUT_SHARE) :]] = True
    return HeldOut(mask, "by time")


def age_weights(
    times: NDArray[np.datetime64], now: np.datetime64, *, half_life_days: float = HALF_LIFE_DAYS
) -> NDArray[np.float64]:
    """Return the weights of recordings by age: one half after a half-life, and at least ``MIN_WEIGHT``.

    Parameters
    ----------
    times : datetime64, shape (n,)
        Times in the future, by a wrong clock, count as now, and NaT as oldest.
    now : datetime64
    half_life_days : float
    """
    age_days = (now - times) / np.timedelta64(1, "D")
    age_days = np.where(np.isnan(age_days), np.inf, np.maximum(age_days, 0.0))
    return np.asarray(np.maximum(0.5 ** (age_days / half_life_days), MIN_WEIGHT))


def _hash_fraction(name: str) -> float:
    """Return a number from 0 to 1, fixed for each name."""
    return int.from_bytes(hashlib.sha256(f"kept:{name}".encode()).digest()[:8]) / 2**64
