"""Filters and page cursors for queries on the predictions table."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from auricle.errors import UsageError
from auricle.runtime import clock
from auricle.store.predictions.encoding import storable
from auricle.store.tables import FEEDBACK, PREDICTIONS

__all__ = ["Filter", "from_cursor", "matches_model", "to_cursor"]

_ID: Final = re.compile(r".*@[0-9a-f]{12}", re.DOTALL)  # name@version; the name may contain an @


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions on predictions; None means no condition.

    Parameters
    ----------
    since, until : datetime
        Time of the prediction: at or after ``since``, before ``until``.
    model : str
        ``name@version``, or ``name`` for all its versions.
    label : str
        The predicted class.
    key : str
        Id of the API key of the request.
    group : str
        Block for resampling.
    unknown : bool
        Whether the sound was too unlike the training data.
    labelled : bool
        Whether the prediction has feedback.
    """

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    label: str | None = None
    key: str | None = None
    group: str | None = None
    unknown: bool | None = None
    labelled: bool | None = None

    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions as SQL clauses on the predictions table."""
        columns = PREDICTIONS.c
        equals = {columns.label: self.label, columns.key: self.key, columns.group_name: self.group}
        clauses = [column == storable(value) for column, value in equals.items() if value is not None]
        if self.since is not None:
            clauses.append(columns.time_us >= clock.to_us(self.since))
        if self.until is not None:
            clauses.append(columns.time_us < clock.to_us(self.until))
        if self.model is not None:
            clauses.append(matches_model(columns.model, self.model))
        if self.unknown is not None:
            clauses.append(columns.unknown.is_(self.unknown))
        if self.labelled is not None:
            has_feedback = sa.exists().where(FEEDBACK.c.entry == columns.id)
            clauses.append(has_feedback if self.labelled else ~has_feedback)
        return clauses


def matches_model(column: sa.ColumnElement[str], model: str) -> sa.ColumnElement[bool]:
    """Return the clause that a column is ``name@version``, or any version of ``name``."""
    model = storable(model)
    if _ID.fullmatch(model):
        return column == model
    # A range from "name@" to "nameA" uses the index, and needs no escaping as LIKE does.
    has_name = sa.and_(column >= f"{model}@", column < f"{model}A")
    return sa.or_(column == model, has_name) if "@" in model else has_name


def to_cursor(seq: int) -> str:
    """Encode a position in insertion order as an opaque cursor for clients."""
    return base64.urlsafe_b64encode(f"seq:{seq}".encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> int:
    """Decode a cursor to a position in insertion order.

    Raises
    ------
    UsageError : not a cursor of :func:`to_cursor`
    """
    try:
        kind, _, seq = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if kind == "seq" and seq.isdecimal() and seq.isascii() and len(seq) < 19:
            return int(seq)
    except (ValueError, binascii.Error):
        pass
    raise UsageError(f"`cursor` must be one that an earlier page gave. Got {cursor[:40]!r}.")
