"""``auricle retrain``: train a challenger on the labels since, and compare it with the champion."""

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from auricle.cli.options import (
    CacheOption,
    DataArgument,
    GroupOption,
    HoldOutOption,
    JsonOption,
    LabelOption,
    RootOption,
    StoreOption,
    StrictOption,
    TargetOption,
    WorkersOption,
    open_store,
    size_bytes,
)
from auricle.cli.terminal import Bars, print_json, print_omitted, stdout_console

if TYPE_CHECKING:
    from auricle.lifecycle.retrain import Retrained

__all__ = ["retrain"]

MAX_SHOWN = 20


def retrain(
    data: DataArgument,
    store: StoreOption = None,
    promote: Annotated[
        Literal["auto", "never"],
        typer.Option(help="auto promotes a challenger that passes every gate; never leaves it to you."),
    ] = "auto",
    model: Annotated[str | None, typer.Option("--model", help="Name of the model, if the store has several.")] = None,
    models: Annotated[
        str | None, typer.Option(help="Model families to try, as in `auricle train`; the champion's if not given.")
    ] = None,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    hold_out: HoldOutOption = None,
    half_life_days: Annotated[
        float, typer.Option(help="Age in days at which a recording has half the weight in a fit.")
    ] = 90.0,
    seed: Annotated[int, typer.Option(help="Random seed of models and folds.", min=0, max=2**32 - 1)] = 0,
    cache_max: CacheOption = "10GB",
    workers: WorkersOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a challenger on DATA and on the labels since; promote it if it beats the champion.

    Group DATA as for the champion. The challenger is promoted if a paired test by group finds it better, if it loses at
    most 2 points of balanced accuracy on DATA, and if no class gets significantly worse. Exits with 0 whether or not it
    is promoted, and with 1 if there are labels and none can be used.

    Example: `auricle retrain sounds/ --group machine --store sqlite:///auricle.db`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.features.cache import FeatureCache
    from auricle.lifecycle.retrain import RetrainConfig
    from auricle.lifecycle.retrain import retrain as run

    max_bytes = size_bytes(cache_max)
    config = RetrainConfig(
        name=model, models=models, promote=promote, half_life_days=half_life_days, seed=seed, who="auricle retrain"
    )
    with ExitStack() as stack:
        opened = stack.enter_context(open_store(store))
        task: Any = opened.models.champion(model).task
        columns = {"task": task, "label": label, "target": target, "group": group, "root": root}
        dataset = Dataset.load(data, **columns)
        frozen = None if hold_out is None else Dataset.load(hold_out, **columns)
        omitted = (*dataset.omitted, *(() if frozen is None else frozen.omitted))
        print_omitted(omitted, strict=strict)
        bars = stack.enter_context(Bars())
        cache = stack.enter_context(closing(FeatureCache(max_bytes=max_bytes))) if max_bytes else None
        found = run(opened, dataset, config, workers=workers, cache=cache, progress=bars, hold_out=frozen)
    if as_json:
        print_json(found.as_json() | {"omitted": [one.as_json() for one in omitted]})
    else:
        _show(found)
    if found.outcome == "refused":
        raise typer.Exit(1)


def _show(found: "Retrained") -> None:
    """Print the decision and its numbers."""
    from rich.table import Table
    from rich.text import Text

    out = stdout_console()
    style = {"promoted": "bold green", "refused": "bold yellow"}.get(found.outcome, "bold")
    out.print(Text(found.sentence, style=style))
    left_out = "; ".join(f"{n} {reason}" for reason, n in found.labels["left_out"].items())
    out.print(
        f"{found.labels['given']} labels: {found.labels['learned']} learned from, {found.labels['kept']} kept to judge "
        f"by ({found.labels['kept_by']}){f', left out: {left_out}' if left_out else ''}.",
        markup=False,
    )
    if found.judgement is None:
        return
    table = Table(title=f"Champion {found.champion}, challenger {found.challenger}", title_justify="left")
    for name in ("recordings", "class", "n", "champion", "challenger", "won", "lost", "p worse"):
        table.add_column(name, justify="left" if name in ("recordings", "class") else "right")
    for one in found.judgement.scores:
        numbers = (f"{one.champion:.3g}", f"{one.challenger:.3g}", f"{one.won}", f"{one.lost}", f"{one.p_worse:.2g}")
        table.add_row(one.where, "all", f"{one.n_recordings}", *numbers, style="bold")
    for part in found.judgement.classes[:MAX_SHOWN]:
        numbers = (
            f"{part.champion:.3g}",
            f"{part.challenger:.3g}",
            f"{part.won}",
            f"{part.lost}",
            f"{part.p_worse:.2g}",
        )
        table.add_row(part.where, Text(part.label), f"{part.n_recordings}", *numbers)
    out.print(table)
