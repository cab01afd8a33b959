"""Two models on the same recordings: those of the original data, and those that were labelled since.

Neither answers what it was trained on. On the original data each is judged by what it said out of fold, as the profile
in its bundle holds it; a recording that is new to the champion is asked of it now, unless it knows others of its group.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import DataError
from auricle.lifecycle.paired_predictions import PairedPredictions
from auricle.lifecycle.training_membership import NEVER, out_of_fold, training_membership
from auricle.prediction.predictor import Predictor
from auricle.runtime.compute import parallel_map

__all__ = ["aligned", "hold_out", "recent", "told"]

Answers = NDArray[np.str_] | NDArray[np.float64]


def hold_out(
    champion: Predictor, challenger: Bundle, data: Dataset, hashes: NDArray[np.uint8], *, workers: int | None = None
) -> PairedPredictions:
    """Let both meet on the original data.

    Parameters
    ----------
    challenger : trained on the data, and on others after it
    data : the original data
    hashes : SHA-256 of each of its recordings, uint8, shape (n, 32)

    Raises
    ------
    DataError : the data is grouped otherwise than when the champion was trained
    """
    profile = challenger.profile
    of_data = aligned(profile.hashes, hashes)[profile.chosen]
    here = np.flatnonzero(of_data >= 0)
    known, rows = profile.hashes[profile.chosen[here]], profile.rows[here]
    at = training_membership(champion.bundle.profile, known, rows)
    examples = [data.examples[index] for index in of_data[here]]
    _check_groups(champion.bundle.profile.chosen_groups[at[at >= 0]], data.groups[of_data[here[at >= 0]]], data)
    kin = set(champion.bundle.profile.groups.tolist())
    is_new = (at == NEVER) & np.array([example.group not in kin for example in examples], bool)
    said = out_of_fold(champion.bundle)[np.maximum(at, 0)].astype(object)
    said[is_new] = told(champion, [example for example, new in zip(examples, is_new, strict=True) if new], workers)
    used = np.flatnonzero((at >= 0) | is_new)
    truth = data.labels if data.classes else data.targets
    return PairedPredictions(
        where="hold-out",
        truth=truth[of_data[here[used]]],
        champion=_array(said[used].tolist(), is_class=bool(data.classes)),
        challenger=out_of_fold(challenger)[here[used]],
        groups=data.groups[of_data[here[used]]],
    )


def recent(
    champion: Predictor, challenger: Predictor, kept: Dataset, *, workers: int | None = None
) -> PairedPredictions:
    """Let both meet on recordings that were kept out of training; both are asked now."""
    truth = kept.labels if kept.classes else kept.targets
    answers = [told(model, kept.examples, workers) for model in (champion, challenger)]
    return PairedPredictions(
        where="recent", truth=truth, champion=answers[0], challenger=answers[1], groups=kept.groups
    )


def told(model: Predictor, examples: Sequence[Example], workers: int | None = None) -> Answers:
    """Return what a model answers to recordings, labels or numbers, shape (n,)."""

    def one(example: Example) -> str | float:
        answer = model.predict(example.file, start_s=example.start_s, end_s=example.end_s)
        return answer.value if answer.value is not None else str(answer.label)

    return _array(list(parallel_map(one, list(examples), workers=workers)), is_class=bool(model.classes))


def aligned(hashes: NDArray[np.uint8], data: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return which recording of the data each trained one is, shape (n,); -1 for those that came after the data.

    A training keeps the order of its recordings, and may have left some out.
    """
    found, place = np.full(len(hashes), -1, np.intp), 0
    for index, digest in enumerate(hashes):
        ahead = place
        while ahead < len(data) and (data[ahead] != digest).any():
            ahead += 1
        if ahead == len(data):
            break
        found[index], place = ahead, ahead + 1
    return found


def _check_groups(then: NDArray[np.str_], now: NDArray[np.str_], data: Dataset) -> None:
    """Refuse data whose recordings are grouped otherwise than they were: one side's answers would be too good."""
    pairs = sorted({(str(before), str(after)) for before, after in zip(then, now, strict=True)})
    for which, other in ((0, 1), (1, 0)):
        seen: dict[str, str] = {}
        for pair in pairs:
            first = seen.setdefault(pair[which], pair[other])
            if first != pair[other]:
                whose = "when the champion was trained" if which == 0 else "now"
                raise DataError(
                    f"{data.source}: recordings must be grouped as when the champion was trained, or one of the two "
                    f"would be flattered. {pair[which]!r} is one group {whose}, and is {first!r} and {pair[other]!r} "
                    "otherwise. Name the same `group`."
                )


def _array(answers: Sequence[str | float], *, is_class: bool) -> Answers:
    return np.array(answers, np.str_) if is_class else np.array(answers, np.float64)
