"""A retraining: what was labelled since joins the original data, and the challenger meets the champion.

Whatever happens on the way, the champion stays until a challenger has passed every gate: it is changed in one
transaction, and only if it is still the one that was compared. What was done is written down as it is done, so that a
retraining that was killed goes on from the challenger that it had trained.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Progress
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.lifecycle.challenger import Challenger, Recordings
from auricle.lifecycle.journal import Journal
from auricle.lifecycle.label_selection import HALF_LIFE_DAYS
from auricle.lifecycle.lease import LeaseGuard
from auricle.lifecycle.promotion import PromotionDecision
from auricle.store.store import Store

__all__ = ["Promote", "RetrainConfig", "Retrained", "retrain"]

Promote = Literal["auto", "never"]

Outcome = Literal["promoted", "kept", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainConfig:
    """How to retrain.

    Parameters
    ----------
    name : of the model; None for the only one that has a champion
    models : families to try, as `train` has them; None for the champion's own
    promote : ``"auto"`` promotes a challenger that passes every gate; ``"never"`` leaves that to the user
    half_life_days : age at which a recording counts half in the fit
    seed : of the models and the folds
    who : on whose account, for the record

    Raises
    ------
    UsageError : a setting out of its range
    """

    name: str | None = None
    models: str | None = None
    promote: Promote = "auto"
    half_life_days: float = HALF_LIFE_DAYS
    seed: int = 0
    who: str = ""

    def __post_init__(self) -> None:
        if not self.half_life_days > 0:
            raise UsageError(f"`half_life_days` must be above 0. Got {self.half_life_days:g}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """What came of a retraining.

    Parameters
    ----------
    id : of its decision in the store
    outcome : promoted; kept, where the champion stays; or refused, where there was nothing to learn from
    sentence : why
    champion, challenger : ``name@version`` of both; no challenger where it was refused
    judgement : every number; None where it was refused
    labels : how many there are, and how many were used for what
    seconds : what it took
    """

    id: str
    outcome: Outcome
    sentence: str
    champion: str
    challenger: str | None
    judgement: PromotionDecision | None
    labels: Mapping[str, Any]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return what ``auricle retrain --json`` prints and the store keeps."""
        return asdict(self)


def retrain(
    store: Store,
    data: Dataset,
    config: RetrainConfig = RetrainConfig(),
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> Retrained:
    """Train a challenger on the original data and what was labelled since, and let it meet the champion.

    Parameters
    ----------
    data : the original data, grouped as it was for the champion
    workers : threads; None for every core
    cache : of features
    progress : called with each step of the training

    Raises
    ------
    MissingError : no model of the name has a champion
    ConflictError : the model is being retrained already, or somebody changed the champion meanwhile
    DataError : data of another task, or grouped otherwise than for the champion
    UsageError : a family that cannot be trained again
    StoreError : the store cannot be used
    """
    model = store.models.champion(config.name)
    with LeaseGuard(store, f"retrain {model.name}", f"A retraining of {model.name}") as held:
        challenge = Challenger.of(
            store,
            model,
            data,
            families=config.models,
            half_life_days=config.half_life_days,
            seed=config.seed,
            workers=workers,
        )
        with Journal(store, model, challenge.inputs, {"who": config.who, "labels": challenge.counts}) as journal:
            started = time.perf_counter()
            challenger, judgement = None, None
            outcome, sentence = _refusal(challenge)
            if outcome != "refused":
                train = partial(challenge.train, workers=workers, cache=cache, progress=progress)
                with challenge.recordings(store) as recordings:
                    challenger = _trained(journal, recordings, train)
                    judgement = challenge.judge(challenger, recordings.kept, workers=workers)
                outcome, sentence = _outcome(challenger, judgement, config.promote)
            if outcome == "promoted":
                held.check()
                journal.promote(sentence)
            found = Retrained(
                id=journal.id,
                outcome=outcome,
                sentence=sentence,
                champion=model.id,
                challenger=None if challenger is None else challenger.id,
                judgement=judgement,
                labels=challenge.counts,
                seconds=time.perf_counter() - started,
            )
            journal.finish(outcome, found.as_json())
            return found


def _trained(journal: Journal, recordings: Recordings, train: Callable[[tuple[Example, ...]], Bundle]) -> Bundle:
    """Return the challenger that was trained before a kill, or train one and keep it."""
    challenger = journal.trained()
    if challenger is None:
        challenger = train(recordings.learned)
        journal.keep(challenger)
    return challenger


def _outcome(challenger: Bundle, judgement: PromotionDecision, promote: Promote) -> tuple[Outcome, str]:
    if judgement.is_better and promote == "auto":
        return "promoted", judgement.sentence
    waits = f" It waits for `auricle models promote {challenger.id}`." if judgement.is_better else ""
    return "kept", judgement.sentence + waits


def _refusal(challenge: Challenger) -> tuple[Outcome, str]:
    """Say that no label can be used, where some were given."""
    counts = challenge.counts
    if not counts["given"] or counts["learned"] or counts["kept"]:
        return "kept", ""
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts["left_out"].items())
    remedy = ""
    if "of which no sound was kept" in counts["left_out"]:
        remedy = " Have the server keep sound."
    elif "more than a fifth from one key" in counts["left_out"]:
        remedy = " Labels of five keys, or of one that may promote, can be used."
    return "refused", f"None of {counts['given']} labels can be used: {reasons}.{remedy}"
