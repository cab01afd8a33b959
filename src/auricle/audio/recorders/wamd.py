"""Wildlife Acoustics' metadata (chunk ``wamd``): numbered fields, each a uint16 id, a uint32 size and text."""

import struct
from typing import Final

from auricle.audio.recorders.facts import Facts, parse_time
from auricle.audio.recorders.guano import number, position

__all__ = ["read_wamd"]

_MODEL: Final = 1
_SERIAL: Final = 2
_PREFIX: Final = 4
_TIME: Final = 5
_GPS: Final = 6
_TEMPERATURE: Final = 0x15


def read_wamd(content: bytes) -> Facts:
    """Return what a ``wamd`` chunk states, as far as it is whole."""
    fields: dict[int, str] = {}
    start = 0
    while start + 6 <= len(content):
        key, size = struct.unpack_from("<HI", content, start)
        start += 6
        if start + size > len(content):
            break
        if key in (_MODEL, _SERIAL, _PREFIX, _TIME, _GPS, _TEMPERATURE):
            fields.setdefault(key, content[start : start + size].decode("utf-8", "replace").strip("\0 \r\n"))
        start += size
    latitude, longitude = _gps(fields.get(_GPS, ""))
    return Facts(
        made_at=parse_time(fields.get(_TIME, "")),
        site=fields.get(_PREFIX) or None,
        device=fields.get(_SERIAL) or fields.get(_MODEL) or None,
        temperature_c=number(fields.get(_TEMPERATURE, "").rstrip("C° ")),
        latitude=latitude,
        longitude=longitude,
    )


def _gps(text: str) -> tuple[float | None, float | None]:
    """Return the position of a text such as ``WGS84, 42.50, N, 71.31, W, 201``."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 5 or parts[2] not in ("N", "S") or parts[4] not in ("E", "W"):
        return None, None
    south, west = parts[2] == "S", parts[4] == "W"
    return position([("-" if south else "") + parts[1], ("-" if west else "") + parts[3]])
