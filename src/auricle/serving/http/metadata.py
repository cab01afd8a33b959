"""What a client tells about its sound: a small flat JSON object of plain values, or a sentence why not."""

import json
import math
from typing import Final

from auricle.errors import UsageError
from auricle.records import Metadata

__all__ = ["read_metadata", "read_name"]

_MAX_CHARACTERS: Final = 16_384
_MAX_NAMES: Final = 32
_MAX_NAME: Final = 64
_MAX_TEXT: Final = 1_000


def read_name(name: str) -> str:
    """Return the name of a file without what is no part of a name; no path is ever opened by it."""
    return "".join(character for character in name if character.isprintable())[:255]


def read_metadata(text: str | None) -> Metadata:
    """Return what JSON tells about a sound.

    Raises
    ------
    UsageError : no flat object of at most 32 texts, finite numbers, booleans and nulls
    """
    if text is None:
        return {}
    if len(text) > _MAX_CHARACTERS:
        raise UsageError(f"`metadata` must have at most {_MAX_CHARACTERS} characters. Got {len(text)}.")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError('`metadata` must be a JSON object, such as {"site": "north"}.') from None
    if not isinstance(told, dict) or len(told) > _MAX_NAMES:
        raise UsageError(f"`metadata` must be a JSON object of at most {_MAX_NAMES} values.")
    return {_text(name, _MAX_NAME): _value(name, value) for name, value in told.items()}


def _value(name: str, value: object) -> str | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, _MAX_TEXT)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise UsageError(f"`metadata` must hold texts, finite numbers, booleans and nulls. `{name[:64]}` is none of them.")


def _text(text: str, most: int) -> str:
    # Lone surrogates cannot be written as UTF-8, and PostgreSQL keeps no NUL.
    if len(text) > most or not all(character.isprintable() or character in "\n\t" for character in text):
        raise UsageError(f"`metadata` must hold printable texts of at most {most} characters. Got {text[:64]!r}.")
    return text
