"""The comment that AudioMoths write into the header (LIST/INFO, ICMT): time, device, gain, battery, temperature."""

import re
from datetime import datetime, timedelta, timezone
from typing import Final

from auricle.audio.recorders.facts import Facts, is_plausible

__all__ = ["read_comment"]

_TIME: Final = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4}) \(UTC(?:([+-])(\d{1,2})(?::(\d\d))?)?\)",
    re.ASCII,
)
_DEVICE: Final = re.compile(r"AudioMoth ([0-9A-F]{16})")
_GAIN: Final = re.compile(r"at (?:gain setting (\d)|((?:low|medium|high)(?:-(?:low|medium|high))?) gain)", re.ASCII)
_BATTERY: Final = re.compile(r"battery (?:state )?was (?:(?:greater|less) than |[<>] )?(\d(?:\.\d+)?)V", re.ASCII)
_TEMPERATURE: Final = re.compile(r"temperature was (-?\d{1,3}(?:\.\d+)?)C", re.ASCII)


def read_comment(text: str) -> Facts:
    """Return what an AudioMoth's comment states; nothing for other comments.

    All firmware since 1.0 is read: gain by number or by name, deployments, external microphones, battery as voltage or
    as a bound (``> 4.9V`` is 4.9), zones of whole and part hours.
    """
    time = _TIME.search(text)
    if time is None:
        return Facts()
    device, gain, battery, temperature = (p.search(text) for p in (_DEVICE, _GAIN, _BATTERY, _TEMPERATURE))
    return Facts(
        made_at=_made_at(time),
        device=device[1] if device else None,
        gain=(gain[1] or gain[2]) if gain else None,
        battery_v=float(battery[1]) if battery else None,
        temperature_c=float(temperature[1]) if temperature else None,
    )


def _made_at(found: re.Match[str]) -> datetime | None:
    hour, minute, second, day, month, year = map(int, found.groups()[:6])
    offset = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        zone = timezone(-offset if found[7] == "-" else offset)
        when = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return when if is_plausible(when) else None
