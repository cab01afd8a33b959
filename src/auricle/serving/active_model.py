"""The model that answers: loaded from the registry, proved, and replaced while requests go on."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auricle.bundles.bundle import Bundle
from auricle.errors import AuricleError, MissingError, UsageError
from auricle.prediction.model import LoadedModel
from auricle.prediction.stream import Stream

if TYPE_CHECKING:
    from auricle.store.registry.aliases import Aliases
    from auricle.store.registry.models import Model, Models
    from auricle.store.store import Store

__all__ = ["ActiveModel", "name_to_serve", "register"]


_LOG: Final = logging.getLogger("auricle.serving")
_AGAIN_S: Final = 60.0


class ActiveModel:
    """The champion of one name in the registry.

    Requests take ``model`` once and keep what they took; so none is lost when another takes its place.

    Parameters
    ----------
    models, aliases : the registry
    name : what the model's versions share

    Raises
    ------
    MissingError : the name has no champion
    BundleError : the champion is damaged, or does not compute here what it computed in training
    StoreError : the registry cannot be read
    """

    def __init__(self, models: "Models", aliases: "Aliases", name: str) -> None:
        self.name = name
        self._models, self._aliases = models, aliases
        self._failed: tuple[str, float] | None = None
        self.problem: str | None = None
        """Why the present champion could not be loaded; the one before it answers."""
        digest = aliases.digest(name)
        if digest is None:
            raise MissingError(f"{name!r} must have a champion. Name one with `auricle models promote`.")
        self.digest = digest
        self.model = self._load(digest)

    def look(self) -> bool:
        """See whether another model has become the champion, and if so load it and let it answer; in a thread.

        Returns
        -------
        whether another model answers now

        Raises
        ------
        StoreError : the registry cannot be read
        """
        digest = self._aliases.digest(self.name)
        if digest is None or digest == self.digest:
            self._failed = self.problem = None
            return False
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
        stream.listen(golden)  # what is compiled or opened at the first sound must not wait for a client's
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
    if store.aliases.digest(model.name) is None:
        store.aliases.promote(model.name, model.digest, expected=None, who=who, why="the first of its name")
    return model


def name_to_serve(store: "Store", name: str | None) -> str:
    """Return the name whose champion answers: the one asked for, or the only one there is.

    Raises
    ------
    UsageError : there is none, or several to choose from
    StoreError : the store cannot be read
    """
    names = sorted({model.name for model in store.models.all() if "champion" in model.aliases})
    if name is not None and name in names:
        return name
    if name is None and len(names) == 1:
        return names[0]
    told = ", ".join(names) or "none: name a bundle, or add one with `auricle models add`"
    asked = "one of several models by `--name`" if name is None else f"a model that has a champion, not {name!r}"
    raise UsageError(f"The server must be told {asked}. The store has {told}.")
