"""File names of recorders: AudioMoth, Song Meter, ISO 8601."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePath
from typing import Final

from auricle.audio.recorders.facts import Facts, is_plausible

__all__ = ["read_name"]

_ZONE: Final = r"(?P<zone>Z|[+-][01]\d:?(?:00|30|45))?"
_COMPACT: Final = re.compile(
    r"(?<![0-9A-Za-z])(\d{4})(\d\d)(\d\d)[_T -]?(\d\d)(\d\d)(\d\d)" + _ZONE + r"(?![0-9A-Za-z])", re.ASCII
)
_ISO: Final = re.compile(
    r"(?<![0-9A-Za-z])(\d{4})-(\d\d)-(\d\d)[T_ -](\d\d)[-:_.h]?(\d\d)[-:_.m]?(\d\d)(?:[.,]\d{1,6})?"
    + _ZONE
    + r"(?![0-9A-Za-z])",
    re.ASCII,
)
_HEX: Final = re.compile(r"[0-9A-F]{8}")
_CHANNELS: Final = re.compile(r"[_-](?:0\+1|[01])$")  # Song Meters with two microphones
_FIRST_AUDIOMOTH: Final = datetime(2017, 1, 1, tzinfo=UTC)


def read_name(name: str) -> Facts:
    """Return time and prefix that the name of a file states.

    A date alone is no time. Eight hexadecimal digits are seconds since 1970 where they are written as early AudioMoths
    did: upper case, with a letter, suffix ``.WAV``, from 2017 on.

    Examples
    --------
    >>> read_name("NORTH_0+1_20230223_191730.wav").site
    'NORTH'
    """
    path = PurePath(name)
    for pattern in (_COMPACT, _ISO):
        for found in pattern.finditer(path.stem):
            when = _time(found)
            if when is not None:
                prefix = _CHANNELS.sub("", path.stem[: found.start()].strip("_-. ")).strip("_-. ")
                return Facts(made_at=when, site=prefix or None)
    if path.suffix == ".WAV" and _HEX.fullmatch(path.stem) and not path.stem.isdecimal():
        when = datetime.fromtimestamp(int(path.stem, 16), UTC)
        if when >= _FIRST_AUDIOMOTH and is_plausible(when):
            return Facts(made_at=when)
    return Facts()


def _time(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        when = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found["zone"]))
    except ValueError:
        return None
    return when if is_plausible(when) else None


def _zone(text: str | None) -> timezone | None:
    if text is None or text == "Z":
        return None if text is None else UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
