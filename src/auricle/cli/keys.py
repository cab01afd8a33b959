"""``auricle keys``: create, list and revoke the API keys of a server."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonOption, StoreOption, open_store, span_s
from auricle.cli.terminal import err, print_json, print_table
from auricle.runtime import clock

if TYPE_CHECKING:
    from auricle.store.keys import Key

__all__ = ["create_key", "list_keys", "revoke_key"]


def create_key(
    scopes: Annotated[
        str,
        typer.Option("--scopes", help="Scopes, separated by commas: predict, feedback, read, train, promote, admin."),
    ] = "predict",
    name: Annotated[str, typer.Option("--name", help="Name of its owner.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", help="Time until it expires, such as 90d; never if not given.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an API key and print it once; the store keeps only its hash.

    Example: `auricle keys create --scopes predict,feedback --name "the yard" --expires 90d`
    """
    end = None if expires is None else clock.now() + timedelta(seconds=span_s(expires))
    with open_store(store, create=True) as opened:
        token, key = opened.keys.create([scope.strip() for scope in scopes.split(",")], name=name, expires=end)
    if as_json:
        print_json({"token": token} | key.as_json())
        return
    typer.echo(token)
    until = "" if end is None else f", until {end:%Y-%m-%d %H:%M} UTC"
    err.print(f"Key {key.id} allows {', '.join(sorted(key.scopes))}{until}. It is not shown again.", markup=False)


def list_keys(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the API keys with names, scopes and expiry, without their secrets.

    Example: `auricle keys list --store sqlite:///engine.db`
    """
    with open_store(store) as opened:
        keys = opened.keys.all()
    if as_json:
        print_json({"keys": [key.as_json() for key in keys]})
        return
    if not keys:
        err.print("There are no keys. Create one with `auricle keys create`.", markup=False)
        return
    rows = [
        (key.id, key.name, ", ".join(sorted(key.scopes)), f"{key.created:%Y-%m-%d}", _accepted(key)) for key in keys
    ]
    print_table(("id", "name", "scopes", "created", "accepted"), rows)


def revoke_key(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id: the word between the underscores.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke an API key; running servers refuse it within seconds.

    Example: `auricle keys revoke abcd2345`
    """
    with open_store(store) as opened:
        revoked = opened.keys.revoke(key)
    if as_json:
        print_json(revoked.as_json())
    else:
        err.print(f"Key {revoked.id} was revoked at {revoked.revoked:%Y-%m-%d %H:%M} UTC.", markup=False)


def _accepted(key: "Key") -> str:
    if key.revoked is not None:
        return f"revoked {key.revoked:%Y-%m-%d}"
    if key.expires is None:
        return "always"
    return f"{'until' if key.is_valid(clock.now()) else 'expired'} {key.expires:%Y-%m-%d}"
