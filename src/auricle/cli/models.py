"""``auricle models``: list, add, show, promote and roll back the bundles of the registry."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonOption, ModelArgument, StoreOption, open_store
from auricle.cli.terminal import err, print_json, print_table, stdout_console

if TYPE_CHECKING:
    from auricle.store.registry.aliases import Change
    from auricle.store.registry.models import Model
    from auricle.store.registry.retraining_log import Decision

__all__ = ["add_model", "list_models", "promote_model", "roll_back", "show_model"]

_MAX_DECISIONS = 20  # retrainings that are shown

ReferenceArgument = Annotated[
    str,
    typer.Argument(metavar="REFERENCE", help="name (for its champion), name@version, name@challenger, or a digest."),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name that all versions of a model share.")]
WhyOption = Annotated[str, typer.Option("--why", help="Reason, kept with user and time.")]


def add_model(
    model: ModelArgument, why: WhyOption = "", store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Add a bundle to the registry if its self-test passes; the first of a name becomes its champion.

    Example: `auricle models add engine.auricle --why "the winter's recordings"`
    """
    from auricle.prediction.predictor import load
    from auricle.serving.inference.active_model import register

    load(model)  # runs the self-test
    with open_store(store, create=True) as opened:
        added = register(opened, Path(model), who=_who(), why=why)
        added = opened.models.find(added.digest)
    if as_json:
        print_json(added.as_json())
    else:
        aliases = f" as {' and '.join(added.aliases)}" if added.aliases else ""
        err.print(f"{added.id} is in the registry{aliases}.", markup=False)


def list_models(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List all bundles, the newest first.

    Example: `auricle models list --store sqlite:///engine.db`
    """
    with open_store(store) as opened:
        models = opened.models.all()
    if as_json:
        print_json({"models": [model.as_json() for model in models]})
        return
    if not models:
        err.print("There are no models. `auricle models add` adds one.", markup=False)
        return
    print_table(("model", "is", "task", "added", "by", "MB", "digest"), [_row(model) for model in models])


def show_model(model: ReferenceArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show a bundle: its card, the changes of its name's champion and challenger, and the last retrainings.

    Example: `auricle models show engine`
    """
    from auricle.bundles.bundle import Bundle
    from auricle.bundles.card import card

    with open_store(store) as opened:
        found = opened.models.find(model)
        changes = opened.aliases.changes(found.name)
        decisions = opened.decisions.latest(found.name, limit=_MAX_DECISIONS)
        bundle = Bundle.from_bytes(opened.models.content(found.digest), source=found.id)
    if as_json:
        manifest = bundle.manifest
        lists = {
            "changes": [change.as_json() for change in changes],
            "decisions": [each.as_json() for each in decisions],
        }
        print_json(found.as_json() | {"scores": manifest.scores, "verdict": manifest.verdict} | lists)
        return
    out = stdout_console()
    _, _, text = card(bundle.manifest, n_recordings=len(bundle.profile.hashes)).split("---\n", 2)
    out.print(text.strip(), markup=False)
    out.print(f"\nDigest {found.digest}, added by {found.who} on {found.added:%Y-%m-%d}: {found.why}", markup=False)
    for change in changes:
        out.print(_change_line(change), markup=False)
    for decision in reversed(decisions):
        out.print(f"{decision.begun:%Y-%m-%d %H:%M} retraining, {decision.outcome}: {_why(decision)}", markup=False)


def promote_model(
    model: ReferenceArgument,
    why: WhyOption = "",
    expected: Annotated[
        str | None, typer.Option("--expected", help="Champion that you saw last; fail if it is another by now.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a bundle the champion of its name; running servers follow within seconds.

    Example: `auricle models promote engine@challenger --why "recognises the new pump"`
    """
    with open_store(store) as opened:
        found = opened.models.find(model)
        expected_digest = opened.aliases.digest(found.name) if expected is None else opened.models.find(expected).digest
        change = opened.aliases.promote(found.name, found.digest, expected=expected_digest, who=_who(), why=why)
    if as_json:
        print_json({"model": found.id} | change.as_json())
    else:
        err.print(f"{found.id} is the champion.", markup=False)


def roll_back(name: NameArgument, why: WhyOption = "", store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Restore the previous champion of a name; repeat to go further back.

    Example: `auricle models rollback engine --why "worse at night"`
    """
    with open_store(store) as opened:
        change = opened.aliases.rollback(name, who=_who(), why=why)
        found = opened.models.find(str(change.after))
    if as_json:
        print_json({"model": found.id} | change.as_json())
    else:
        err.print(f"{found.id} is the champion again.", markup=False)


def _row(model: "Model") -> tuple[str, ...]:
    added, size = f"{model.added:%Y-%m-%d %H:%M}", f"{model.n_bytes / 1e6:.2f}"
    return model.id, " ".join(model.aliases), model.task, added, model.who, size, model.digest[:12]


def _change_line(change: "Change") -> str:
    after = "none" if change.after is None else change.after[:12]
    why = f": {change.why}" if change.why else ""
    return f"{change.time:%Y-%m-%d %H:%M} {change.kind} of {change.alias} to {after} by {change.who or 'unknown'}{why}"


def _why(decision: "Decision") -> str:
    return str(decision.body.get("sentence", "no reason recorded"))


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return ""
