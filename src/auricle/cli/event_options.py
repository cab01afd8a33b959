"""Options of events, which files and streams share."""

from typing import TYPE_CHECKING, Annotated

import typer

from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.prediction.events import EventRules

__all__ = [
    "ConfirmOption",
    "EventsOption",
    "MaxGapOption",
    "MinDurationOption",
    "OffOption",
    "OnOption",
    "OnlyOption",
    "SmoothOption",
    "event_rules",
]

_PANEL = "Events"

EventsOption = Annotated[
    bool, typer.Option("--events", help="A line for each event: windows merged by class.", rich_help_panel=_PANEL)
]
OnOption = Annotated[
    float | None,
    typer.Option(help="Probability at which an event begins; each class's own if not given.", rich_help_panel=_PANEL),
]
OffOption = Annotated[
    float | None,
    typer.Option(help="Probability below which it ends; if not given, 0.6 of --on.", rich_help_panel=_PANEL),
]
MinDurationOption = Annotated[
    float, typer.Option("--min-duration-s", help="Drop events that are shorter.", rich_help_panel=_PANEL)
]
MaxGapOption = Annotated[
    float, typer.Option("--max-gap-s", help="Merge events of a class no farther apart.", rich_help_panel=_PANEL)
]
SmoothOption = Annotated[
    int, typer.Option(help="Odd number of windows to average probabilities over.", rich_help_panel=_PANEL)
]
ConfirmOption = Annotated[
    int, typer.Option(help="Windows in a row that must reach --on before an event begins.", rich_help_panel=_PANEL)
]
OnlyOption = Annotated[
    list[str] | None, typer.Option(help="Look for this class only; may be repeated.", rich_help_panel=_PANEL)
]


def event_rules(
    *,
    events: bool,
    on: float | None,
    off: float | None,
    min_duration_s: float,
    max_gap_s: float,
    smooth: int,
    confirm: int,
    only: list[str] | None,
) -> "EventRules | None":
    """Return the rules that the options say, or None where no events are asked for.

    Raises
    ------
    UsageError : a rule that is out of its range, or one without ``--events``
    """
    from auricle.prediction.events import EventRules

    rules = EventRules(
        on=on,
        off=off,
        min_duration_s=min_duration_s,
        max_gap_s=max_gap_s,
        smooth=smooth,
        confirm=confirm,
        only=tuple(only or ()),
    )
    if not events and rules != EventRules():
        raise UsageError("Options of events must be given with `--events`: windows and recordings are not smoothed.")
    return rules if events else None
