"""The Broadcast Wave chunk (``bext``, EBU Tech 3285): originator, and date and time without a zone."""

import re
from datetime import datetime, timedelta
from typing import Final

from auricle.audio.recorders.facts import Facts, is_plausible

__all__ = ["read_bext"]

_ORIGINATOR: Final = slice(256, 288)
_DATE: Final = slice(320, 330)
_TIME: Final = slice(330, 338)
_SAMPLES: Final = slice(338, 346)  # TimeReference: uint64, samples since midnight
_LEAST: Final = 346
_SEPARATED: Final = re.compile(r"(\d+)\D(\d+)\D(\d+)", re.ASCII)


def read_bext(content: bytes, rate_hz: int) -> Facts:
    """Return what a ``bext`` chunk states.

    Parameters
    ----------
    content : bytes
    rate_hz : int
        Sample rate, of which TimeReference counts; it stands for the time of day where OriginationTime is empty.
    """
    if len(content) < _LEAST:
        return Facts()
    date, time = (_SEPARATED.fullmatch(_text(content[part])) for part in (_DATE, _TIME))
    when = None
    try:
        if date:
            when = datetime(int(date[1]), int(date[2]), int(date[3]))  # noqa: DTZ001  (its zone is not stated)
            since_midnight = int.from_bytes(content[_SAMPLES], "little")
            if time:
                when = when.replace(hour=int(time[1]), minute=int(time[2]), second=int(time[3]))
            elif 0 < since_midnight < rate_hz * 86_400:
                when += timedelta(seconds=since_midnight / rate_hz)
            else:
                when = None  # a date alone is no time
    except ValueError:
        when = None
    return Facts(
        made_at=when if when is not None and is_plausible(when) else None, device=_text(content[_ORIGINATOR]) or None
    )


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1").strip()
