"""``--store``: where answers of the command line are kept, as a server keeps its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from auricle.prediction.keeping import Keep

__all__ = ["KeepOption", "keeping"]

KeepOption = Annotated[
    str | None,
    typer.Option("--store", help="Keep each recording's answer there too: sqlite:///FILE or postgresql://…."),
]


@contextmanager
def keeping(store: str | None) -> "Iterator[Keep | None]":
    """Open a store, and give what writes entries into it, each once; None where no store is named."""
    if store is None:
        yield None
        return
    from auricle.store.store import Store

    with Store.open(store) as opened:
        yield opened.add_missing
