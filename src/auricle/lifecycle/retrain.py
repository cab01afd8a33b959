"""Retraining: train a challenger on the original data and new labels, and promote it if it beats the champion.

The champion stays until a challenger has passed every gate. It is replaced in one transaction with the decision's
record, and only if it is still the one that was compared. Every step is recorded, so that a killed retraining resumes
with its trained challenger.
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
from auricle.lifecycle.challenger import Challenger, RecordingFiles
from auricle.lifecycle.journal import Journal
from auricle.lifecycle.label_selection import HALF_LIFE_DAYS
from auricle.lifecycle.lease import LeaseGuard
from auricle.lifecycle.promotion import PromotionDecision
from auricle.runtime import clock
from auricle.store.store import Store

__all__ = ["Promote", "RetrainConfig", "Retrained", "retrain"]

Promote = Literal["auto", "never"]

Outcome = Literal["promoted", "kept", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainConfig:
    """Settings of a retraining.

    Parameters
    ----------
    name : str, optional
        Name of the model; None for the only one with a champion.
    models : str, optional
        Families to try, as for `train`; None for the champion's.
    promote : {"auto", "never"}
        Whether a challenger that passes every gate is promoted, or left to the user.
    half_life_days : float
        Age at which the weight of a recording is one half.
    seed : int
        Of the models and the folds.
    who : str
        User, for the record.

    Raises
    ------
    UsageError
        A setting out of range.
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
    """Result of a retraining.

    Parameters
    ----------
    id : str
        Of the decision in the store.
    outcome : {"promoted", "kept", "refused"}
        "kept" where the champion stays, "refused" where no label can be used.
    sentence : str
        Reason.
    champion, challenger : str
        ``name@version``; no challenger where it was refused.
    judgement : PromotionDecision or None
        All figures; None where it was refused.
    labels : mapping
        Number of labels, in total and by use.
    seconds : float
        Duration.
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
        """Return the result as `auricle retrain --json` prints it and the store keeps it."""
        return asdict(self)


def retrain(
    store: Store,
    data: Dataset,
    config: RetrainConfig = RetrainConfig(),
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
    hold_out: Dataset | None = None,
) -> Retrained:
    """Train a challenger on the original data and the labels given since, and compare it with the champion.

    Parameters
    ----------
    store : Store
    data : Dataset
        Original data, grouped as for the champion.
    config : RetrainConfig
    workers : int, optional
        Threads; None for every core.
    cache : FeatureCache, optional
    progress : callable, optional
        Called with each step of the training.
    hold_out : Dataset, optional
        Recordings that neither model was or is trained on, which then decide. Without it, those of the data whose
        ``split`` is test, if the champion saw none of them; otherwise out-of-fold predictions of the data.

    Raises
    ------
    MissingError
        No model of the name has a champion.
    ConflictError
        The model is being retrained already, or its champion has changed.
    DataError
        Data of another task, or grouped otherwise than for the champion.
    UsageError
        A family that cannot be trained by name.
    StoreError
        The store cannot be used.
    """
    model = store.models.champion(config.name)
    with LeaseGuard(store, f"retrain {model.name}", f"A retraining of {model.name}") as lease:
        read_at = clock.now().isoformat()
        plan = Challenger.prepare(
            store,
            model,
            data,
            families=config.models,
            half_life_days=config.half_life_days,
            seed=config.seed,
            workers=workers,
            hold_out=hold_out,
        )
        details = {"who": config.who, "labels": plan.counts, "labels_read_at": read_at}
        with Journal(store, model, plan.inputs, details) as journal:
            started = time.perf_counter()
            challenger, judgement = None, None
            outcome, sentence = _refusal(plan)
            if outcome != "refused":
                train = partial(plan.train, workers=workers, cache=cache, progress=progress)
                with plan.write_recordings(store) as recordings:
                    challenger = _stored_or_trained(journal, recordings, train)
                    judgement = plan.compare(challenger, recordings.held_out, workers=workers)
                outcome, sentence = _outcome(challenger, judgement, config.promote)
            result = Retrained(
                id=journal.id,
                outcome=outcome,
                sentence=sentence,
                champion=model.id,
                challenger=None if challenger is None else challenger.id,
                judgement=judgement,
                labels=plan.counts,
                seconds=time.perf_counter() - started,
            )
            if outcome == "promoted":
                lease.check()
                journal.promote(sentence, result.as_json())
            else:
                journal.finish(outcome, result.as_json())
            return result


def _stored_or_trained(
    journal: Journal, recordings: RecordingFiles, train: Callable[[tuple[Example, ...]], Bundle]
) -> Bundle:
    """Return the challenger of an interrupted retraining, or train one and store it."""
    challenger = journal.stored_challenger()
    if challenger is None:
        challenger = train(recordings.training)
        journal.store_challenger(challenger)
    return challenger


def _outcome(challenger: Bundle, judgement: PromotionDecision, promote: Promote) -> tuple[Outcome, str]:
    if judgement.is_better and promote == "auto":
        return "promoted", judgement.sentence
    waits = f" It waits for `auricle models promote {challenger.id}`." if judgement.is_better else ""
    return "kept", judgement.sentence + waits


def _refusal(plan: Challenger) -> tuple[Outcome, str]:
    """Return "refused" with the reasons if labels were given and none can be used."""
    counts = plan.counts
    if not counts["given"] or counts["learned"] or counts["kept"]:
        return "kept", ""
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts["left_out"].items())
    remedy = ""
    if "of which no sound was kept" in counts["left_out"]:
        remedy = " Have the server keep sound."
    elif "more than a fifth from one key" in counts["left_out"]:
        remedy = " Labels of five keys, or of one that may promote, can be used."
    return "refused", f"None of {counts['given']} labels can be used: {reasons}.{remedy}"
