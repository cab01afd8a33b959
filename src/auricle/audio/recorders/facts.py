"""What a recorder wrote about a recording: a frozen record, and which times are plausible."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auricle.runtime import clock

__all__ = ["Facts", "is_plausible", "parse_time", "same_time"]

_EARLIEST_YEAR: Final = 1990
_LATE: Final = timedelta(days=1)
_TOLERANCE: Final = timedelta(seconds=2)  # FAT rounds to two seconds; headers are written after the name


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of how a recording was made; None is unknown.

    Parameters
    ----------
    made_at : datetime, optional
        When it began, with its zone; naive where the source states none.
    site : str, optional
        Prefix that the user gave the recorder, or the beginning of the file name.
    device : str, optional
        Serial number of the recorder, or its model.
    temperature_c, battery_v : float, optional
        In the recorder, when it began.
    gain : str, optional
        As the recorder names it.
    latitude, longitude : float, optional
        WGS 84, degrees north and east.
    """

    made_at: datetime | None = None
    site: str | None = None
    device: str | None = None
    temperature_c: float | None = None
    battery_v: float | None = None
    gain: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def is_plausible(when: datetime) -> bool:
    """Return whether a recording can have been made then: from 1990 to tomorrow."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.year >= _EARLIEST_YEAR and aware <= clock.now() + _LATE


def parse_time(text: str) -> datetime | None:
    """Return an ISO 8601 time; None for text that is none, for a date only, and for an implausible year."""
    text = text.strip()
    if len(text) < len("20230223T1917"):
        return None
    try:
        when = datetime.fromisoformat(text)
        return when if is_plausible(when) else None
    except (ValueError, OverflowError):
        return None


def same_time(one: datetime, other: datetime) -> bool:
    """Return whether two statements of a time agree.

    One without a zone agrees with another where either the local time or the time in UTC is the same.
    """
    if one.tzinfo and other.tzinfo:
        return abs(one - other) <= _TOLERANCE
    return any(abs(a - b) <= _TOLERANCE for a in _readings(one) for b in _readings(other))


def _readings(when: datetime) -> tuple[datetime, ...]:
    local = when.replace(tzinfo=None)
    return (local, when.astimezone(UTC).replace(tzinfo=None)) if when.tzinfo else (local,)
