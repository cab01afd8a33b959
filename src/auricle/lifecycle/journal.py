"""What a retraining has done so far, written down as it is done: the record, and where to go on after a kill."""

import contextlib
import hashlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.errors import AuricleError, ConflictError, MissingError
from auricle.store.registry.models import Model
from auricle.store.registry.retraining_log import Outcome
from auricle.store.store import Store

__all__ = ["Journal", "fingerprint"]


def fingerprint(*inputs: object) -> str:
    """Return the SHA-256 of everything that a challenger depends on: two retrainings of one are the same."""
    digest = hashlib.sha256()
    for one in inputs:
        content = (
            one.tobytes() if isinstance(one, np.ndarray) else one if isinstance(one, bytes) else repr(one).encode()
        )
        digest.update(len(content).to_bytes(8) + content)
    return digest.hexdigest()


class Journal:
    """The decision of one retraining as a context manager: what ends it early is written down as a failure.

    Who holds the lease of the name is alone; a decision that somebody left unfinished was killed, and is closed.

    Parameters
    ----------
    champion : who is challenged
    inputs : fingerprint of everything that the challenger depends on
    told : what to write down from the beginning
    """

    def __init__(self, store: Store, champion: Model, inputs: str, told: Mapping[str, Any]) -> None:
        self._store, self._champion = store, champion
        self._body: dict[str, Any] = {**told, "champion": champion.id, "inputs": inputs}
        self._is_finished = False
        self.id = ""

    def __enter__(self) -> Self:
        found = self._store.decisions.latest(self._champion.name)
        for left in (decision for decision in found if decision.outcome == "begun"):
            self._store.decisions.finish(left.id, "failed", {**left.body, "sentence": "It was killed on the way."})
        # Also what failed on the way, such as at a store that was away for the moment, has its challenger.
        mine = [d for d in found if d.body.get("inputs") == self._body["inputs"] and d.outcome in ("begun", "failed")]
        digest = next((d.body["challenger_digest"] for d in mine if "challenger_digest" in d.body), None)
        if digest is not None:
            self._body["challenger_digest"] = digest
        self.id = self._store.decisions.begin(self._champion.name, self._body)
        return self

    def trained(self) -> Bundle | None:
        """Return the challenger that a retraining of the same inputs had trained when it was killed."""
        digest = self._body.get("challenger_digest")
        with contextlib.suppress(MissingError):
            return None if digest is None else Bundle.from_bytes(self._store.models.content(digest), source=digest[:12])
        return None

    def keep(self, challenger: Bundle) -> None:
        """Add a challenger to the registry, and write down that it is trained.

        Raises
        ------
        StoreError : the store cannot be written
        """
        manifest, name = challenger.manifest, self._champion.name
        if challenger.id == self._champion.id:  # there was nothing new to learn: equal trainings have equal versions
            self._body["challenger_digest"] = self._champion.digest
            return
        why = f"retraining {self.id}"
        added = self._store.models.add(
            challenger.to_bytes(),
            name=name,
            version=challenger.version,
            task=manifest.task,
            classes=manifest.classes,
            who=str(self._body.get("who", "")),
            why=why,
        )
        self._body["challenger_digest"] = added.digest
        self._store.decisions.note(self.id, self._body)
        before = self._store.aliases.digest(name, "challenger")
        with contextlib.suppress(ConflictError):  # somebody named another just now: theirs stands
            self._store.aliases.set_challenger(name, added.digest, expected=before, why=why)

    def promote(self, why: str) -> None:
        """Make the challenger the champion, provided that the champion is still the one that it met.

        Raises
        ------
        ConflictError : somebody changed the champion meanwhile
        StoreError : the store cannot be written
        """
        self._store.aliases.promote(
            self._champion.name,
            self._body["challenger_digest"],
            expected=self._champion.digest,
            who=str(self._body.get("who", "")),
            why=why,
        )

    def finish(self, outcome: Outcome, found: Mapping[str, Any]) -> None:
        """Write down what came of it."""
        self._store.decisions.finish(self.id, outcome, {**self._body, **found})
        self._is_finished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_finished or error is None:
            return
        told = error.as_json() if isinstance(error, AuricleError) else {"kind": "interrupted", "message": repr(error)}
        with contextlib.suppress(AuricleError):  # where the store is what failed, the next retraining closes it
            self.finish("failed", {"error": told, "sentence": f"It failed: {told['message']}"})
