"""GUANO metadata (chunk ``guan``): lines of ``Key: value`` in UTF-8, which many bat recorders write."""

import math
from typing import Final

from auricle.audio.recorders.facts import Facts, parse_time

__all__ = ["number", "position", "read_guano"]

_TEMPERATURES: Final = ("Temperature Int", "Temperature Ext")
_PREFIXES: Final = ("WA|Song Meter|Prefix", "Prefix")
_DEVICES: Final = ("Serial", "Model", "Make")


def read_guano(content: bytes) -> Facts:
    """Return what a GUANO chunk states; lines of other keys, and values that are none, are left aside."""
    fields: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").replace("\0", "").splitlines():
        key, colon, value = line.partition(":")
        if colon and value.strip():
            fields.setdefault(key.strip(), value.strip())
    latitude, longitude = position(fields.get("Loc Position", "").replace(",", " ").split())
    return Facts(
        made_at=parse_time(fields.get("Timestamp", "")),
        site=next((fields[key] for key in _PREFIXES if key in fields), None),
        device=next((fields[key] for key in _DEVICES if key in fields), None),
        temperature_c=next((number(fields[key]) for key in _TEMPERATURES if key in fields), None),
        latitude=latitude,
        longitude=longitude,
    )


def number(text: str) -> float | None:
    """Return a finite number; None for other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def position(parts: list[str]) -> tuple[float | None, float | None]:
    """Return latitude and longitude in degrees of the first two texts; None for both where one is none."""
    if len(parts) >= 2:
        latitude, longitude = number(parts[0]), number(parts[1])
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
    return None, None
