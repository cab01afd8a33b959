"""Event options become event rules, and are refused without `--events`."""

from typing import Any

import pytest

from auricle.cli.event_options import event_rules
from auricle.errors import UsageError
from auricle.prediction.events import EventRules

DEFAULTS: dict[str, Any] = {
    "on": None,
    "off": None,
    "min_duration_s": 0.0,
    "max_gap_s": 0.0,
    "smooth": 1,
    "confirm": 1,
    "only": None,
}


def test_no_options_are_the_default_rules() -> None:
    assert event_rules(events=True, **DEFAULTS) == EventRules()
    assert event_rules(events=False, **DEFAULTS) is None


def test_every_option_reaches_the_rules() -> None:
    given = {"on": 0.8, "off": 0.4, "min_duration_s": 0.5, "max_gap_s": 0.2, "smooth": 3, "confirm": 2}
    rules = event_rules(events=True, **given, only=["fan", "pump"])
    assert rules == EventRules(**given, only=("fan", "pump"))


def test_an_option_without_events_is_refused() -> None:
    with pytest.raises(UsageError, match="must be given with `--events`"):
        event_rules(events=False, **DEFAULTS | {"smooth": 3})
