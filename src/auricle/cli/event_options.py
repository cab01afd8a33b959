"""The event options of ``predict`` and ``stream``, and their conversion to event rules."""

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
    bool, typer.Option("--events", help="One line per event: windows merged by class.", rich_help_panel=_PANEL)
]
OnOption = Annotated[
    float | None,
    typer.Option(help="Probability at which an event starts; the class's own if not given.", rich_help_panel=_PANEL),
]
OffOption = Annotated[
    float | None,
    typer.Option(help="Probability below which it ends; 0.6 of --on if not given.", rich_help_panel=_PANEL),
]
MinDurationOption = Annotated[
    float, typer.Option("--min-duration-s", help="Drop shorter events.", rich_help_panel=_PANEL)
]
MaxGapOption = Annotated[
    float, typer.Option("--max-gap-s", help="Merge events of a class with at most this gap.", rich_help_panel=_PANEL)
]
SmoothOption = Annotated[
    int, typer.Option(help="Odd number of windows to average probabilities over.", rich_help_panel=_PANEL)
]
ConfirmOption = Annotated[
    int, typer.Option(help="Consecutive windows that must reach --on before an event starts.", rich_help_panel=_PANEL)
]
OnlyOption = Annotated[
    list[str] | None, typer.Option(help="Report only this class; may be repeated.", rich_help_panel=_PANEL)
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
    """Return the event rules of the options, or None without ``--events``.

    Raises
    ------
    UsageError : a rule out of its range, or a rule without ``--events``
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
        raise UsageError("Event options must be given with `--events`: windows and recordings are not smoothed.")
    return rules if events else None
