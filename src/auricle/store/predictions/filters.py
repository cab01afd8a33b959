"""Which predictions are meant: the same filters for pages of them and for scans."""

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

_ID: Final = re.compile(r".*@[0-9a-f]{12}", re.DOTALL)  # name@version, of a name that may itself hold an @


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What predictions must be to be meant; what is not given does not matter.

    Parameters
    ----------
    since, until : when they were asked for: from, and before
    model : ``name@version``, or ``name`` for all its versions
    label : the class answered
    key : id of the API key that asked
    group : block for resampling
    unknown : whether the sound was too unlike the training sound
    labelled : whether somebody said what it was
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
        """Return what must hold of a row of the table of predictions."""
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
            told = sa.exists().where(FEEDBACK.c.entry == columns.id)
            clauses.append(told if self.labelled else ~told)
        return clauses


def matches_model(column: sa.ColumnElement[str], model: str) -> sa.ColumnElement[bool]:
    """Return whether a column names a version of a model, ``name@version``, or any version of a ``name``."""
    model = storable(model)
    if _ID.fullmatch(model):
        return column == model
    # Between "name@" and "nameA": a range, because an index serves it, and a name may hold what LIKE gives a meaning.
    named = sa.and_(column >= f"{model}@", column < f"{model}A")
    return sa.or_(column == model, named) if "@" in model else named


def to_cursor(seq: int) -> str:
    """Return a place in the order of insertion as a client sees it: a word that means nothing to it."""
    return base64.urlsafe_b64encode(f"seq:{seq}".encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> int:
    """Return the place that a cursor stands for.

    Raises
    ------
    UsageError : not a cursor of ours
    """
    try:
        kind, _, seq = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if kind == "seq" and seq.isdecimal() and seq.isascii() and len(seq) < 19:
            return int(seq)
    except (ValueError, binascii.Error):
        pass
    raise UsageError(f"`cursor` must be one that an earlier page gave. Got {cursor[:40]!r}.")
