"""The model that answers: loaded from the registry, proved, and replaced while requests go on."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auricle.bundles.bundle import Bundle
from auricle.errors import AuricleError
from auricle.prediction.model import LoadedModel
from auricle.prediction.stream import Stream

if TYPE_CHECKING:
    from auricle.store.registry.models import Model, Models
    from auricle.store.store import Store

__all__ = ["ActiveModel", "register"]


_LOG: Final = logging.getLogger("auricle.serving")
_AGAIN_S: Final = 60.0


class ActiveModel:
    """The champion of one name in the registry.

    Requests take ``model`` once and keep what they took; so none is lost when another takes its place.

    Parameters
    ----------
    models : the registry
    name : what the model's versions share

    Raises
    ------
    MissingError : the name has no champion
    BundleError : the champion is damaged, or does not compute here what it computed in training
    StoreError : the registry cannot be read
    """

    def __init__(self, models: "Models", name: str) -> None:
        self.name = name
        self._models = models
        self._failed: tuple[str, float] | None = None
        self.problem: str | None = None
        """Why the present champion could not be loaded; the one before it answers."""
        self.digest = models.champion(name).digest
        self.model = self._load(self.digest)

    def look(self) -> bool:
        """See whether another model has become the champion, and if so load it and let it answer; in a thread.

        Returns
        -------
        whether another model answers now

        Raises
        ------
        StoreError : the registry cannot be read
        """
        champions = self._models.champions(self.name)
        if not champions or champions[0].digest == self.digest:
            self._failed = self.problem = None
            return False
        digest = champions[0].digest
        if self._failed is not None and self._failed[0] == digest and time.monotonic() < self._failed[1]:
            return False
        try:
            model = self._load(digest)
        except AuricleError as error:
            self._failed, self.problem = (digest, time.monotonic() + _AGAIN_S), str(error)
            _LOG.error("a new champion cannot be loaded; %s answers on", self.model.name, extra={"problem": str(error)})
            return False
        before = self.model.name
        self.model, self.digest = model, digest
        self._failed = self.problem = None
        _LOG.info("%s answers now, and no longer %s", model.name, before)
        return True

    def _load(self, digest: str) -> LoadedModel:
        model = LoadedModel.of(Bundle.from_bytes(self._models.content(digest)))  # proves itself
        golden = model.bundle.golden.windows[0]
        stream = Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz)
        stream.feed(golden)  # what is compiled or opened at the first sound must not wait for a client's
        stream.finish()
        return model


def register(store: "Store", path: Path, *, who: str, why: str) -> "Model":
    """Add a bundle to the registry, and make it the champion of its name if there is none yet.

    A champion that is there stays: a server that is started again must not undo a promotion.

    Parameters
    ----------
    path : the bundle's file
    who, why : who adds it and what for

    Raises
    ------
    BundleError : no bundle, or a damaged one
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
