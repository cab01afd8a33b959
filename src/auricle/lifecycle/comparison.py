"""Paired predictions of champion and challenger, on the original data and on recordings labelled since.

Neither model predicts recordings that it was trained on: a frozen hold-out, where there is one, was never trained on;
on the original data, out-of-fold predictions from the profiles are used. A recording that is new to the champion is
predicted now, unless the champion was trained on its group.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.times import made_at
from auricle.errors import DataError
from auricle.lifecycle.labelled_data import told_sources
from auricle.lifecycle.paired_predictions import PairedPredictions, Where
from auricle.lifecycle.training_membership import NOT_TRAINED_ON, out_of_fold, training_membership
from auricle.prediction.predictor import Predictor
from auricle.runtime.compute import parallel_map

__all__ = ["match_in_order", "predict_all", "predict_frozen", "predict_hold_out", "predict_recent"]

Predictions = NDArray[np.str_] | NDArray[np.float64]


def predict_hold_out(
    champion: Predictor, challenger: Bundle, data: Dataset, hashes: NDArray[np.uint8], *, workers: int | None = None
) -> PairedPredictions:
    """Return predictions of both models for the original data.

    Parameters
    ----------
    champion : Predictor
    challenger : Bundle
        Trained on the data, followed by other recordings.
    data : Dataset
        Original data.
    hashes : uint8, shape (n, 32)
        SHA-256 of each of its recordings.
    workers : int or None
        Threads; None for every core.

    Raises
    ------
    DataError
        Data grouped otherwise than in the champion's training.
    """
    profile = challenger.profile
    data_index = match_in_order(profile.hashes, hashes)[profile.chosen]
    here = np.flatnonzero(data_index >= 0)
    known, rows = profile.hashes[profile.chosen[here]], profile.rows[here]
    at = training_membership(champion.bundle.profile, known, rows)
    examples = [data.examples[index] for index in data_index[here]]
    _check_groups(champion.bundle.profile.chosen_groups[at[at >= 0]], data.groups[data_index[here[at >= 0]]], data)
    known_groups = set(champion.bundle.profile.groups.tolist())
    is_new = (at == NOT_TRAINED_ON) & np.array([example.group not in known_groups for example in examples], bool)
    predictions = out_of_fold(champion.bundle)[np.maximum(at, 0)].astype(object)
    predictions[is_new] = predict_all(
        champion, [example for example, new in zip(examples, is_new, strict=True) if new], workers
    )
    used = np.flatnonzero((at >= 0) | is_new)
    truth = data.labels if data.classes else data.targets
    return PairedPredictions(
        where="hold-out",
        truth=truth[data_index[here[used]]],
        champion=_array(predictions[used].tolist(), is_class=bool(data.classes)),
        challenger=out_of_fold(challenger)[here[used]],
        groups=data.groups[data_index[here[used]]],
        times=np.array([made_at(data.examples[index].time) for index in data_index[here[used]]], "M8[us]"),
    )


def predict_recent(
    champion: Predictor, challenger: Predictor, held_out: Dataset, *, workers: int | None = None
) -> PairedPredictions:
    """Return predictions of both models for recordings labelled since, held out of training."""
    return _predict_new("recent", champion, challenger, held_out, workers)


def predict_frozen(
    champion: Predictor, challenger: Predictor, hold_out: Dataset, *, workers: int | None = None
) -> PairedPredictions:
    """Return predictions of both models for a hold-out that neither was ever trained on."""
    return replace(_predict_new("hold-out", champion, challenger, hold_out, workers), is_frozen=True)


def _predict_new(
    where: Where, champion: Predictor, challenger: Predictor, held_out: Dataset, workers: int | None
) -> PairedPredictions:
    truth = held_out.labels if held_out.classes else held_out.targets
    predictions = [predict_all(model, held_out.examples, workers) for model in (champion, challenger)]
    return PairedPredictions(
        where=where,
        truth=truth,
        champion=predictions[0],
        challenger=predictions[1],
        groups=told_sources(held_out.groups),
        times=np.array([made_at(example.time) for example in held_out.examples], "M8[us]"),
    )


def predict_all(model: Predictor, examples: Sequence[Example], workers: int | None = None) -> Predictions:
    """Return a model's predicted classes or numbers for recordings, shape (n,)."""

    def predict(example: Example) -> str | float:
        prediction = model.predict(
            example.file, start_s=example.start_s, end_s=example.end_s, channel=example.named_channel
        )
        return prediction.value if prediction.value is not None else str(prediction.label)

    return _array(list(parallel_map(predict, list(examples), workers=workers)), is_class=bool(model.classes))


def match_in_order(hashes: NDArray[np.uint8], data: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the index in the data of each trained recording, shape (n,); -1 for recordings added after the data.

    Training keeps the order of its recordings, but may leave some out.
    """
    found, start = np.full(len(hashes), -1, np.intp), 0
    for index, digest in enumerate(hashes):
        ahead = start
        while ahead < len(data) and (data[ahead] != digest).any():
            ahead += 1
        if ahead == len(data):
            break
        found[index], start = ahead, ahead + 1
    return found


def _check_groups(trained: NDArray[np.str_], now: NDArray[np.str_], data: Dataset) -> None:
    """Refuse data grouped otherwise than in the champion's training: its predictions would not be out of fold."""
    pairs = sorted({(str(old), str(new)) for old, new in zip(trained, now, strict=True)})
    for which, other in ((0, 1), (1, 0)):
        seen: dict[str, str] = {}
        for pair in pairs:
            first = seen.setdefault(pair[which], pair[other])
            if first != pair[other]:
                when, otherwise = ("in its training", "now") if which == 0 else ("now", "in its training")
                raise DataError(
                    f"{data.source}: recordings must be grouped as when the champion was trained, or the comparison "
                    f"would be biased. {pair[which]!r} is one group {when}, but {first!r} and {pair[other]!r} "
                    f"{otherwise}. Name the same `group`."
                )


def _array(predictions: Sequence[str | float], *, is_class: bool) -> Predictions:
    return np.array(predictions, np.str_) if is_class else np.array(predictions, np.float64)
