"""Labelled recordings of a store as data: read, split into training and held-out ones, and written as files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import Profile
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import MissingError
from auricle.lifecycle.label_selection import cap_per_key, choose_held_out, deduplicate
from auricle.lifecycle.training_membership import NOT_TRAINED_ON, are_among, training_membership
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store

__all__ = ["LabelSplit", "LabelledRecordings", "load_labelled", "split_labels", "told_sources", "write_examples"]

UNTOLD: Final = "prediction "
"""Begins the group of a recording for which nobody told one."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRecordings:
    """Recordings (n) with labels that users gave, oldest first.

    Parameters
    ----------
    ids : str, shape (n,)
        Ids of the predictions.
    truth : str or float64, shape (n,)
        Labels, or numbers.
    keys : str, shape (n,)
        Id of the API key that gave the label; empty without one.
    groups : str, shape (n,)
        Group of the recording; the prediction itself, where it has none.
    times : datetime64[us], shape (n,)
        Times of the predictions.
    sounds : str or None, shape (n,)
        SHA-256 of the kept sound.
    standard : float32, shape (n, n_standard)
        Standard feature rows; NaN where another model version had other columns.
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
class LabelSplit:
    """Use of labelled recordings in a retraining.

    Parameters
    ----------
    training : int, shape (n_training,)
        Indices of recordings for the challenger's training.
    held_out : int, shape (n_held_out,)
        Indices of recordings for the comparison.
    by : str
        How these were held out: ``by group``, or ``by time``.
    left_out : mapping of str to int
        Unused recordings by reason.
    """

    training: NDArray[np.intp]
    held_out: NDArray[np.intp]
    by: str
    left_out: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the numbers of recordings by use."""
        left_out = {reason: n for reason, n in self.left_out.items() if n}
        return {"learned": len(self.training), "kept": len(self.held_out), "kept_by": self.by, "left_out": left_out}


def load_labelled(store: Store, name: str, *, is_class: bool, n_standard: int) -> LabelledRecordings:
    """Read the labels of every version of a model.

    Parameters
    ----------
    store : Store
    name : str
        Name of the model.
    is_class : bool
        Whether the model predicts classes.
    n_standard : int
        Columns of the champion's standard feature row.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    batches = [b for b in store.scan(Filter(model=name, labelled=True)) if bool(b.classes) == is_class]
    if not batches:
        none = np.array([], np.str_)
        return LabelledRecordings(
            ids=none,
            truth=none if is_class else np.array([], np.float64),
            keys=none,
            groups=none,
            times=np.array([], "M8[us]"),
            sounds=np.array([], object),
            standard=np.zeros((0, n_standard), np.float32),
        )
    order = np.argsort(np.concatenate([b.times for b in batches]), kind="stable")  # each batch holds one model version
    unlike = np.full((1, n_standard), np.nan, np.float32)
    standard = [b.standard if b.standard.shape[1] == n_standard else unlike.repeat(len(b), axis=0) for b in batches]
    ids, groups = (np.concatenate(parts) for parts in zip(*((b.ids, b.groups) for b in batches), strict=True))
    groups = np.where(groups == "", np.char.add(UNTOLD, ids), groups)
    return LabelledRecordings(
        ids=ids[order],
        truth=np.concatenate([b.truth.astype(np.str_ if is_class else np.float64) for b in batches])[order],
        keys=np.concatenate([b.truth_keys for b in batches])[order],
        groups=groups[order],
        times=np.concatenate([b.times for b in batches])[order],
        sounds=np.concatenate([b.audio for b in batches])[order],
        standard=np.concatenate(standard)[order],
    )


def told_sources(groups: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the source of each recording, shape (n,): its group, or one source for all where nobody told any.

    Examples
    --------
    >>> told_sources(np.array(["pump 1", "prediction 0f3a"])).tolist()
    ['pump 1', '']
    """
    return np.where(np.char.startswith(groups, UNTOLD), "", groups)


def split_labels(
    labels: LabelledRecordings,
    data: Dataset,
    champion: Profile,
    trusted: Collection[str],
    frozen_rows: NDArray[np.float32] | None = None,
) -> LabelSplit:
    """Split labelled recordings into training and held-out ones, and count those left out by reason.

    Recordings of the original data and of a frozen hold-out are left out. Recordings that the champion was trained on
    since are used for training again, and never held out. Recordings for which nobody told a group are of one source.

    Parameters
    ----------
    labels : LabelledRecordings
    data : Dataset
        Original data.
    champion : Profile
        Training data of the champion.
    trusted : collection of str
        Keys without a cap.
    frozen_rows : float32, shape (m, n_standard), optional
        Standard feature rows of the frozen hold-out.
    """
    candidates = np.arange(len(labels))
    left_out: dict[str, int] = {}

    def leave_out(reason: str, use: NDArray[np.bool_]) -> None:
        nonlocal candidates
        left_out[reason] = int((~use).sum())
        candidates = candidates[use]

    leave_out("of a class that the data does not hold", _is_known(labels.truth, data))
    leave_out("of which no sound was kept", np.array([sound is not None for sound in labels.sounds[candidates]], bool))
    is_last = deduplicate(labels.sounds[candidates], labels.truth[candidates])
    leave_out("said again, or otherwise by somebody else", is_last)
    hashes = _digests(labels.sounds[candidates])
    known = {digest.tobytes() for digest in champion.hashes}
    is_learned = np.array([digest.tobytes() in known for digest in hashes], bool)
    at = training_membership(champion, hashes, labels.standard[candidates])
    leave_out("in the data already", (at == NOT_TRAINED_ON) | is_learned)
    is_learned = is_learned[(at == NOT_TRAINED_ON) | is_learned]
    if frozen_rows is not None:
        is_apart = ~are_among(champion, labels.standard[candidates], frozen_rows)
        leave_out("in the frozen hold-out", is_apart)
        is_learned = is_learned[is_apart]
    use = cap_per_key(labels.keys[candidates], trusted)
    leave_out("more than a fifth from one key", use)
    is_learned = is_learned[use]
    sources = told_sources(labels.groups[candidates])
    held_out = choose_held_out(sources, {*data.groups.tolist(), *champion.groups.tolist()})
    is_held_out = held_out.mask & ~is_learned
    return LabelSplit(candidates[~is_held_out], candidates[is_held_out], held_out.by, left_out)


def write_examples(
    store: Store,
    labels: LabelledRecordings,
    indices: NDArray[np.intp],
    folder: Path,
    weights: NDArray[np.float64],
) -> tuple[Example, ...]:
    """Write the kept sounds of labelled recordings to a folder, and return them as examples.

    Recordings deleted in the meantime are left out.

    Parameters
    ----------
    store : Store
    labels : LabelledRecordings
    indices : int, shape (m,)
    folder : Path
    weights : float64, shape (n,)
        Weight of each labelled recording in the fit.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    examples, is_class = [], labels.truth.dtype.kind != "f"
    for index in indices:
        file = folder / f"{labels.sounds[index]}.flac"
        try:
            file.write_bytes(store.sound(str(labels.ids[index])))
        except MissingError:
            continue
        examples.append(
            Example(
                file=file,
                label=str(labels.truth[index]) if is_class else None,
                target=None if is_class else float(labels.truth[index]),
                group=str(labels.groups[index]),
                time=str(labels.times[index]),
                channel="0",  # what the model heard was kept, whatever the sound had
                weight=float(weights[index]),
            )
        )
    return tuple(examples)


def _is_known(truth: NDArray[Any], data: Dataset) -> NDArray[np.bool_]:
    return np.ones(len(truth), bool) if not data.classes else np.isin(truth, data.classes)


def _digests(sounds: NDArray[np.object_]) -> NDArray[np.uint8]:
    digests = [np.frombuffer(bytes.fromhex(sound), np.uint8) for sound in sounds]
    return np.stack(digests) if digests else np.zeros((0, 32), np.uint8)
