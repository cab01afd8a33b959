"""Journal of one retraining in the store: its decision, and the stored challenger with which a killed one resumes."""

import contextlib
import hashlib
from collections.abc import Mapping
from functools import partial
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
    """Return the SHA-256 of the inputs of a challenger; equal inputs give equal challengers.

    Examples
    --------
    >>> fingerprint("svm", 0) == fingerprint("svm", 0), fingerprint("svm", 0) == fingerprint("svm", 1)
    (True, False)
    """
    digest = hashlib.sha256()
    for value in inputs:
        content = (
            value.tobytes()
            if isinstance(value, np.ndarray)
            else value
            if isinstance(value, bytes)
            else repr(value).encode()
        )
        digest.update(len(content).to_bytes(8) + content)
    return digest.hexdigest()


class Journal:
    """Decision of one retraining as a context manager; an exception is recorded as a failure.

    Only the holder of the model's lease may enter. Unfinished decisions are those of killed processes, and are closed.

    Parameters
    ----------
    store : Store
    champion : Model
    inputs : str
        Fingerprint of everything that the challenger depends on.
    details : mapping
        Recorded from the start.
    """

    def __init__(self, store: Store, champion: Model, inputs: str, details: Mapping[str, Any]) -> None:
        self._store, self._champion = store, champion
        self._body: dict[str, Any] = {**details, "champion": champion.id, "inputs": inputs}
        self._is_finished = False
        self.id = ""

    def __enter__(self) -> Self:
        unfinished = [d for d in self._store.decisions.latest(self._champion.name) if d.outcome in ("begun", "failed")]
        for killed in (decision for decision in unfinished if decision.outcome == "begun"):
            self._store.decisions.finish(killed.id, "failed", {**killed.body, "sentence": "It was killed on the way."})
        # A failed retraining, such as by an unavailable store, may have stored its challenger too.
        same_inputs = [d for d in unfinished if d.body.get("inputs") == self._body["inputs"]]
        digest = next((d.body["challenger_digest"] for d in same_inputs if "challenger_digest" in d.body), None)
        if digest is not None:
            self._body["challenger_digest"] = digest
        self.id = self._store.decisions.begin(self._champion.name, self._body)
        return self

    def stored_challenger(self) -> Bundle | None:
        """Return the challenger that an interrupted retraining with the same inputs has stored, or None."""
        digest = self._body.get("challenger_digest")
        with contextlib.suppress(MissingError):
            return None if digest is None else Bundle.from_bytes(self._store.models.content(digest), source=digest[:12])
        return None

    def store_challenger(self, challenger: Bundle) -> None:
        """Add a challenger to the registry, and record that it is trained.

        Raises
        ------
        StoreError
            The store cannot be written.
        """
        manifest, name = challenger.manifest, self._champion.name
        if challenger.id == self._champion.id:  # equal trainings have equal versions
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
        with contextlib.suppress(ConflictError):  # another process has set one just now: it stays
            self._store.aliases.set_challenger(name, added.digest, expected=before, why=why)

    def promote(self, why: str, result: Mapping[str, Any]) -> None:
        """Make the challenger the champion, if the champion is still the one it was compared with, and record it.

        Both are one transaction: a kill leaves both, or neither.

        Raises
        ------
        ConflictError
            The champion has changed.
        StoreError
            The store cannot be written.
        """
        self._store.aliases.promote(
            self._champion.name,
            self._body["challenger_digest"],
            expected=self._champion.digest,
            who=str(self._body.get("who", "")),
            why=why,
            record=partial(self._store.decisions.finish_in, self.id, "promoted", {**self._body, **result}),
        )
        self._is_finished = True

    def finish(self, outcome: Outcome, result: Mapping[str, Any]) -> None:
        """Record the outcome."""
        self._store.decisions.finish(self.id, outcome, {**self._body, **result})
        self._is_finished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_finished or error is None:
            return
        details = (
            error.as_json() if isinstance(error, AuricleError) else {"kind": "interrupted", "message": repr(error)}
        )
        with contextlib.suppress(AuricleError):  # if the store has failed, the next retraining closes the entry
            self.finish("failed", {"error": details, "sentence": f"It failed: {details['message']}"})
