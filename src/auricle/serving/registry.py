"""Which model a server answers with: the one named on its command line, or the champion of its store."""

from pathlib import Path
from typing import TYPE_CHECKING

from auricle.bundles.bundle import Bundle
from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.store.models import Model
    from auricle.store.store import Store

__all__ = ["enlist", "name_to_serve"]


def enlist(store: "Store", path: Path, *, who: str, why: str) -> "Model":
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
