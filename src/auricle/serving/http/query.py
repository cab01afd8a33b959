"""Query parameters of a sound or stream: requested predictions, file name and metadata, validated."""

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
_MAX_NAME_CHARACTERS: Final = 64
_MAX_TEXT_CHARACTERS: Final = 1_000


class RequestQuery(BaseModel):
    """Query parameters of a sound or stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: Annotated[bool, Field(description="include the prediction of each window")] = False
    events: Annotated[bool, Field(description="include events, by the thresholds chosen in training")] = False
    hop_s: Annotated[float | None, Field(gt=0, le=3600, description="seconds from one window to the next")] = None
    source: Annotated[str, Field(max_length=255, description="file name of the sound")] = ""
    metadata: Annotated[
        str | None,
        Field(description="JSON object with facts about the sound; `group` names recordings that are not independent"),
    ] = None

    @property
    def request(self) -> PredictionRequest:
        """The requested predictions."""
        return PredictionRequest(self.windows, EventRules() if self.events else None, self.hop_s)


def sanitize_name(name: str) -> str:
    """Return the printable characters of a file name, at most 255; the server never opens a path by it."""
    return "".join(character for character in name if character.isprintable())[:255]


def parse_metadata(text: str | None) -> Metadata:
    """Parse the JSON metadata of a sound.

    Raises
    ------
    UsageError : the text is not a flat JSON object of at most 32 texts, finite numbers, booleans and nulls
    """
    if text is None:
        return {}
    if len(text) > _MAX_CHARACTERS:
        raise UsageError(f"`metadata` must have at most {_MAX_CHARACTERS} characters. Got {len(text)}.")
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError('`metadata` must be a JSON object, such as {"site": "north"}.') from None
    if not isinstance(metadata, dict) or len(metadata) > _MAX_NAMES:
        raise UsageError(f"`metadata` must be a JSON object of at most {_MAX_NAMES} values.")
    return {_check_text(name, _MAX_NAME_CHARACTERS): _check_value(name, value) for name, value in metadata.items()}


def _check_value(name: str, value: object) -> str | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_text(value, _MAX_TEXT_CHARACTERS)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise UsageError(f"`metadata` must hold texts, finite numbers, booleans and nulls. `{name[:64]}` is none of them.")


def _check_text(text: str, max_characters: int) -> str:
    # Lone surrogates cannot be encoded as UTF-8, and PostgreSQL rejects NUL.
    if len(text) > max_characters or not all(character.isprintable() or character in "\n\t" for character in text):
        raise UsageError(
            f"`metadata` must hold printable texts of at most {max_characters} characters. Got {text[:64]!r}."
        )
    return text
