"""The labelled recordings of a store as data to learn from and to be judged by, and why others are left out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import Profile
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import MissingError
from auricle.lifecycle.label_selection import cap_per_key, deduplicate, keep
from auricle.lifecycle.training_membership import NEVER, training_membership
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store

__all__ = ["Chosen", "Labelled", "choose", "examples_of", "labelled"]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """What people said of a model's recordings (n), oldest first.

    Parameters
    ----------
    ids : of the predictions, str, shape (n,)
    truth : labels, str, or numbers, float64, shape (n,)
    keys : id of the API key that said so; empty for none
    groups : block for resampling, or the prediction itself where it has none, str, shape (n,)
    times : when the recordings were asked about, datetime64[us], shape (n,)
    sounds : SHA-256 of the kept sound, or None, shape (n,)
    standard : standard rows, float32, shape (n, n_standard); NaN where another version of the model had other columns
    """

    ids: NDArray[np.str_]
    truth: NDArray[Any]
    keys: NDArray[np.str_]
    groups: NDArray[np.str_]
    times: NDArray[np.datetime64]
    sounds: NDArray[np.object_]
    standard: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Which labelled recordings a retraining uses.

    Parameters
    ----------
    learned : places of those that the challenger is trained on
    kept : places of those that both models are judged by
    by : how they were kept: ``by group``, or ``by time``
    left_out : how many were not used, by reason
    """

    learned: NDArray[np.intp]
    kept: NDArray[np.intp]
    by: str
    left_out: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return how many were used for what."""
        left_out = {reason: n for reason, n in self.left_out.items() if n}
        return {"learned": len(self.learned), "kept": len(self.kept), "kept_by": self.by, "left_out": left_out}


def labelled(store: Store, name: str, *, is_class: bool, n_standard: int) -> Labelled:
    """Read what people said of every version of a model.

    Parameters
    ----------
    is_class : whether the model answers with a class
    n_standard : columns of the champion's standard row

    Raises
    ------
    StoreError : the store cannot be read
    """
    batches = [b for b in store.scan(Filter(model=name, labelled=True)) if bool(b.classes) == is_class]
    if not batches:
        none = np.array([], np.str_)
        return Labelled(
            ids=none,
            truth=none if is_class else np.array([], np.float64),
            keys=none,
            groups=none,
            times=np.array([], "M8[us]"),
            sounds=np.array([], object),
            standard=np.zeros((0, n_standard), np.float32),
        )
    order = np.argsort(np.concatenate([b.times for b in batches]), kind="stable")  # a batch is of one version
    unlike = np.full((1, n_standard), np.nan, np.float32)
    standard = [b.standard if b.standard.shape[1] == n_standard else unlike.repeat(len(b), axis=0) for b in batches]
    ids, groups = (np.concatenate(parts) for parts in zip(*((b.ids, b.groups) for b in batches), strict=True))
    groups = np.where(groups == "", np.char.add("prediction ", ids), groups)
    return Labelled(
        ids=ids[order],
        truth=np.concatenate([b.truth.astype(np.str_ if is_class else np.float64) for b in batches])[order],
        keys=np.concatenate([b.truth_keys for b in batches])[order],
        groups=groups[order],
        times=np.concatenate([b.times for b in batches])[order],
        sounds=np.concatenate([b.audio for b in batches])[order],
        standard=np.concatenate(standard)[order],
    )


def choose(labels: Labelled, data: Dataset, champion: Profile, trusted: Collection[str]) -> Chosen:
    """Choose what the challenger learns from and what both models are judged by.

    A sound that stands in the original data already is left out; one that the champion has learned from since is
    learned from again, and never kept to judge by.

    Parameters
    ----------
    data : the original data
    champion : what the champion was trained on
    trusted : keys whose labels are not capped
    """
    left = np.arange(len(labels))
    left_out: dict[str, int] = {}

    def leave(reason: str, use: NDArray[np.bool_]) -> None:
        nonlocal left
        left_out[reason] = int((~use).sum())
        left = left[use]

    leave("of a class that the data does not hold", ~_strange(labels.truth, data))
    leave("of which no sound was kept", np.array([sound is not None for sound in labels.sounds[left]], bool))
    leave("said again, or otherwise by somebody else", deduplicate(labels.sounds[left], labels.truth[left]))
    hashes = _digests(labels.sounds[left])
    known = {digest.tobytes() for digest in champion.hashes}
    is_learned = np.array([digest.tobytes() in known for digest in hashes], bool)
    at = training_membership(champion, hashes, labels.standard[left])
    leave("in the data already", (at == NEVER) | is_learned)
    is_learned = is_learned[(at == NEVER) | is_learned]
    use = cap_per_key(labels.keys[left], trusted)
    leave("more than a fifth from one key", use)
    is_learned = is_learned[use]
    kept = keep(labels.groups[left], {*data.groups.tolist(), *champion.groups.tolist()})
    is_kept = kept.mask & ~is_learned
    return Chosen(left[~is_kept], left[is_kept], kept.by, left_out)


def examples_of(
    store: Store,
    labels: Labelled,
    training_membership: NDArray[np.intp],
    folder: Path,
    weights: NDArray[np.float64],
) -> tuple[Example, ...]:
    """Write the kept sounds of labelled recordings into a folder, and return them as examples.

    A recording that was deleted meanwhile is left out.

    Parameters
    ----------
    places : which recordings
    weights : how much each counts in a fit, shape (n,), by its place

    Raises
    ------
    StoreError : the store cannot be read
    """
    made, is_class = [], labels.truth.dtype.kind != "f"
    for place in training_membership:
        file = folder / f"{labels.sounds[place]}.flac"
        try:
            file.write_bytes(store.sound(str(labels.ids[place])))
        except MissingError:
            continue
        made.append(
            Example(
                file=file,
                label=str(labels.truth[place]) if is_class else None,
                target=None if is_class else float(labels.truth[place]),
                group=str(labels.groups[place]),
                time=str(labels.times[place]),
                weight=float(weights[place]),
            )
        )
    return tuple(made)


def _strange(truth: NDArray[Any], data: Dataset) -> NDArray[np.bool_]:
    return np.zeros(len(truth), bool) if not data.classes else ~np.isin(truth, data.classes)


def _digests(sounds: NDArray[np.object_]) -> NDArray[np.uint8]:
    digests = [np.frombuffer(bytes.fromhex(sound), np.uint8) for sound in sounds]
    return np.stack(digests) if digests else np.zeros((0, 32), np.uint8)
