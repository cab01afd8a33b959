"""What a client says of its sound in the query: which predictions it wants, the sound's name and metadata."""

import json
import math
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from auricle.errors import UsageError
from auricle.prediction.events import EventRules
from auricle.prediction.request import PredictionRequest
from auricle.records import Metadata

__all__ = ["RequestQuery", "parse_metadata", "sanitize_name"]

_MAX_CHARACTERS: Final = 16_384
_MAX_NAMES: Final = 32
_MAX_NAME: Final = 64
_MAX_TEXT: Final = 1_000


class RequestQuery(BaseModel):
    """What the query of a sound or of a stream may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: Annotated[bool, Field(description="tell each window's answer too")] = False
    events: Annotated[bool, Field(description="tell events too, by the thresholds chosen in training")] = False
    hop_s: Annotated[float | None, Field(gt=0, le=3600, description="from one window to the next")] = None
    source: Annotated[str, Field(max_length=255, description="name of the file")] = ""
    metadata: Annotated[
        str | None,
        Field(description="JSON object of what is known about the sound; `group` names what is not independent"),
    ] = None

    @property
    def request(self) -> PredictionRequest:
        """What to predict."""
        return PredictionRequest(self.windows, EventRules() if self.events else None, self.hop_s)


def sanitize_name(name: str) -> str:
    """Return the name of a file without what is no part of a name; no path is ever opened by it."""
    return "".join(character for character in name if character.isprintable())[:255]


def parse_metadata(text: str | None) -> Metadata:
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
