"""The model that a server predicts with: load the champion, self-test it, and swap it without stopping requests."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auricle.bundles.bundle import Bundle
from auricle.errors import AuricleError
from auricle.prediction.model import LoadedModel
from auricle.serving.inference.cost import ModelCost

if TYPE_CHECKING:
    from auricle.store.registry.models import Model, Models
    from auricle.store.store import Store

__all__ = ["ActiveModel", "register"]


_LOG: Final = logging.getLogger("auricle.serving")
_RETRY_S: Final = 60.0


class ActiveModel:
    """The champion of one name in the registry.

    Each request reads ``model`` once and uses that model to its end, so that a swap loses no request.

    Parameters
    ----------
    models : Models
        The registry.
    name : str
        Name of the model, shared by its versions.

    Raises
    ------
    MissingError : the name has no champion
    BundleError : the champion is damaged, or fails its self-test on this machine
    StoreError : the registry cannot be read
    """

    def __init__(self, models: "Models", name: str) -> None:
        self.name = name
        self._models = models
        self._failed: tuple[str, float] | None = None  # digest, and when to try it again
        self.load_error: str | None = None
        """Why the current champion could not be loaded; the previous one stays active."""
        self.digest = models.champion(name).digest
        self.model, self.cost = self._load(self.digest)

    def refresh(self) -> bool:
        """Load the champion if it has changed, and return whether another model is active now; blocks.

        Raises
        ------
        StoreError : the registry cannot be read
        """
        champions = self._models.champions(self.name)
        if not champions or champions[0].digest == self.digest:
            self._failed = self.load_error = None
            return False
        digest = champions[0].digest
        if self._failed is not None and self._failed[0] == digest and time.monotonic() < self._failed[1]:
            return False
        try:
            model, cost = self._load(digest)
        except AuricleError as error:
            self._failed, self.load_error = (digest, time.monotonic() + _RETRY_S), str(error)
            _LOG.error(
                "the new champion cannot be loaded; %s stays active", self.model.name, extra={"problem": str(error)}
            )
            return False
        before = self.model.name
        self.model, self.digest, self.cost = model, digest, cost
        self._failed = self.load_error = None
        _LOG.info("%s has replaced %s", model.name, before)
        return True

    def _load(self, digest: str) -> tuple[LoadedModel, ModelCost]:
        model = LoadedModel.of(Bundle.from_bytes(self._models.content(digest)))  # runs its self-test
        return model, ModelCost.measure(model)  # which warms it up: the first request must not wait for compilation


def register(store: "Store", path: Path, *, who: str, why: str) -> "Model":
    """Add a bundle to the registry, and make it champion if its name has none.

    An existing champion stays, so that restarting a server does not undo a promotion.

    Parameters
    ----------
    store : Store
    path : Path
        The bundle's file.
    who, why : str
        Author and reason.

    Raises
    ------
    BundleError : the file is not a bundle, or is damaged
    StoreError : the store cannot be written
    """
    bundle = Bundle.load(path)
    manifest = bundle.manifest
    model = store.models.add(
        path.read_bytes(),
        name=manifest.name,
        version=bundle.version,
        task=manifest.task,
        classes=manifest.classes,
        who=who,
        why=why,
    )
    if not store.models.champions(model.name):
        store.aliases.promote(model.name, model.digest, expected=None, who=who, why="the first of its name")
    return model
