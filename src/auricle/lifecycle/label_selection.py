"""Which labels a retraining uses, and what for: no key says too much, and some recordings are kept to be judged by."""

import hashlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.lifecycle.paired_predictions import MIN_BLOCKS
from auricle.lifecycle.promotion import LEAST

__all__ = [
    "HALF_LIFE_DAYS",
    "KEPT",
    "MIN_WEIGHT",
    "SHARE",
    "Kept",
    "cap_per_key",
    "deduplicate",
    "keep",
    "present_weights",
]

SHARE: Final = 0.2
"""Most of the labels used that may come from one key."""
KEPT: Final = 1 / 3
"""Part of the labelled recordings that is kept out of training, to judge by."""
HALF_LIFE_DAYS: Final = 90.0
"""Age at which a recording counts half."""
MIN_WEIGHT: Final = 0.25
"""What the oldest recording counts: the hold-out is of its time, and nothing may be forgotten."""


class Kept(NamedTuple):
    """Which recordings are kept out of training, bool, shape (n,), and how they were chosen."""

    mask: NDArray[np.bool_]
    by: str


def deduplicate(sounds: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which labels to use where one sound was answered several times: the last, unless people disagree.

    Parameters
    ----------
    sounds : SHA-256 of the kept sound, or None where it was not kept, shape (n,), oldest first
    truth : labels, or numbers, of which the last counts, shape (n,)

    Returns
    -------
    bool, shape (n,)
    """
    use = np.ones(len(sounds), bool)
    places: dict[str, list[int]] = {}
    for place, sound in enumerate(sounds):
        if sound is not None:
            places.setdefault(sound, []).append(place)
    for of_sound in places.values():
        use[of_sound[:-1]] = False
        if truth.dtype.kind != "f" and len({truth[place] for place in of_sound}) > 1:
            use[of_sound] = False
    return use


def cap_per_key(keys: NDArray[np.str_], trusted: Collection[str], *, share: float = SHARE) -> NDArray[np.bool_]:
    """Return which labels to use so that no key gives more than its share of those that are used.

    Of a key that gave more, the newest are used. Keys that may promote a model, and who labels without a key at the
    machine itself, could do worse than mislabel: they are trusted, and not capped.

    Parameters
    ----------
    keys : id of the key that gave each label, shape (n,), oldest first
    trusted : keys without a cap

    Returns
    -------
    bool, shape (n,); with fewer than 1 / ``share`` keys, and none trusted, nothing can be used
    """
    names, member, counts = np.unique(keys, return_inverse=True, return_counts=True)
    free = np.isin(names, list(trusted))
    most = np.where(free, counts, 0)
    for cap in range(int(counts[~free].max(initial=0)), 0, -1):
        used = np.where(free, counts, np.minimum(counts, cap))
        if min(cap, used[~free].max()) <= share * used.sum() + 1e-9:
            most = used
            break
    newer = np.zeros(len(keys), np.int64)  # how many of the same key come after
    seen = np.zeros(len(names), np.int64)
    for place in range(len(keys) - 1, -1, -1):
        newer[place] = seen[member[place]]
        seen[member[place]] += 1
    return np.asarray(newer < most[member])


def keep(groups: NDArray[np.str_], heard: Collection[str]) -> Kept:
    """Choose recordings that are kept out of training, about a third: whole groups, the same in every retraining.

    A group's place is drawn by the hash of its name. Groups that a model has trained on cannot be kept. Where too few
    are left, or these hold fewer than ``LEAST`` recordings, the latest third of every group is kept instead: what was
    learned is then judged on the same groups, later.

    Parameters
    ----------
    groups : shape (n,), oldest first
    heard : groups in the original data, and those that the champion trained on
    """
    names, member = np.unique(groups, return_inverse=True)
    drawn = np.array([_draw(name) < KEPT and name not in heard for name in names], bool)
    mask = drawn[member]
    if len(names) >= MIN_BLOCKS and LEAST <= mask.sum() <= len(groups) / 2:
        return Kept(np.asarray(mask), "by group")
    mask = np.zeros(len(groups), bool)
    for index in range(len(names)):
        of_group = np.flatnonzero(member == index)
        mask[of_group[len(of_group) - int(len(of_group) * KEPT) :]] = True
    return Kept(mask, "by time")


def present_weights(
    times: NDArray[np.datetime64], now: np.datetime64, *, half_life_days: float = HALF_LIFE_DAYS
) -> NDArray[np.float64]:
    """Return how much recordings count by their age: half after a half-life, and never less than ``MIN_WEIGHT``.

    Parameters
    ----------
    times : datetime64, shape (n,); one that lies ahead, by a clock that jumped, is of the present, and NaT the oldest
    """
    age_days = (now - times) / np.timedelta64(1, "D")
    age_days = np.where(np.isnan(age_days), np.inf, np.maximum(age_days, 0.0))
    return np.asarray(np.maximum(0.5 ** (age_days / half_life_days), MIN_WEIGHT))


def _draw(name: str) -> float:
    """Return a number from 0 to 1 that belongs to a name."""
    return int.from_bytes(hashlib.sha256(f"kept:{name}".encode()).digest()[:8]) / 2**64
