"""The tables of the store, as they stand in its newest version.

Times are microseconds since 1970 in UTC: both databases order and compare them alike, and a scan makes arrays of them
at once. Numbers that go by name are JSON, rows of features are float32 in little-endian order.
"""

from typing import Final

import sqlalchemy as sa

__all__ = [
    "ALIASES",
    "BLOBS",
    "BUCKETS",
    "BUNDLES",
    "CHANGES",
    "CHECKS",
    "CLAIMS",
    "DECISIONS",
    "FEEDBACK",
    "KEYS",
    "LEASES",
    "METADATA",
    "PREDICTIONS",
    "SESSIONS",
    "TOMBSTONES",
    "TYPICAL",
    "VERSION",
]

METADATA: Final = sa.MetaData()

_Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts rows in an INTEGER only


def _table(name: str, *columns: sa.Column[object] | sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns, sqlite_autoincrement=True)


def _sequence() -> sa.Column[int]:
    """Return the column that numbers rows in the order in which they were added; no number is given twice."""
    return sa.Column("seq", _Big, primary_key=True, autoincrement=True)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _real(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=null)


def _entry() -> sa.Column[str]:
    """Return the column that names the prediction with which the row goes."""
    return sa.Column("entry", sa.Text, sa.ForeignKey("predictions.id", ondelete="CASCADE"), nullable=False)


VERSION: Final = _table("schema_version", _big("version"))

PREDICTIONS: Final = _table(
    "predictions",
    _sequence(),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    _big("time_us"),
    _text("model"),
    _text("key"),
    _text("group_name"),
    _text("source"),
    _big("rate_hz"),
    _big("channels"),
    _big("n_bytes"),  # what the row weighs, for keeping below a size
    _text("audio", null=True),
    _real("start_s"),
    _real("end_s"),
    _text("label", null=True),
    _real("value", null=True),
    _real("low", null=True),
    _real("high", null=True),
    _real("confidence", null=True),
    _real("novelty", null=True),
    sa.Column("unknown", sa.Boolean, nullable=False),
    _text("probabilities", null=True),
    _text("labels", null=True),
    _text("quality", null=True),
    _text("metadata"),
    sa.Column("standard", sa.LargeBinary, nullable=False),
    _big("n_rows"),
    # What a scan leaves out stands last: SQLite then reads none of its pages.
    _text("parts", null=True),
    sa.Column("rows", sa.LargeBinary, nullable=False),
    sa.Index("predictions_by_time", "time_us", "seq"),
    sa.Index("predictions_by_model", "model", "seq"),
    sa.Index("predictions_by_audio", "audio"),
)
"""One row an answered recording."""

FEEDBACK: Final = _table(
    "feedback",
    _sequence(),
    _entry(),
    _big("time_us"),
    _text("label", null=True),
    _real("target", null=True),
    _text("key"),
    _text("who"),
    _text("via"),
    sa.Index("feedback_by_entry", "entry", "seq"),
)
"""What people said a recording was: rows are only added, and the last one counts."""

TYPICAL: Final = _table("typical", _entry(), _real("score"), sa.Index("typical_by_entry", "entry", unique=True))
"""How typical of the present drift a recording is, as the last check judged."""

TOMBSTONES: Final = _table("tombstones", sa.Column("id", sa.Text, primary_key=True), _big("time_us"), _text("who"))
"""Which predictions were deleted because somebody asked for it."""

BLOBS: Final = _table(
    "blobs",
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Kept sounds and bundles by SHA-256, in parts that fit into memory."""

BUNDLES: Final = _table(
    "models",
    _sequence(),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    _text("name"),
    _text("version"),
    _text("task"),
    _text("classes"),
    _big("n_bytes"),
    _big("time_us"),
    _text("who"),
    _text("why"),
    sa.Index("models_by_name", "name", "version"),
)
"""Every bundle that was added."""

ALIASES: Final = _table(
    "aliases",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("models.digest"), nullable=False),
)
"""Which bundle of a name is champion, and which is challenger."""

CHANGES: Final = _table(
    "alias_changes",
    _sequence(),
    _text("name"),
    _text("alias"),
    _text("kind"),
    _text("before", null=True),
    _text("after", null=True),
    _big("time_us"),
    _text("who"),
    _text("why"),
    sa.Index("alias_changes_by_name", "name", "alias", "seq"),
)
"""Every change of an alias: rows are only added."""

CHECKS: Final = _table(
    "checks",
    _sequence(),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    _big("time_us"),
    _text("model"),
    _text("verdict"),
    _text("body"),
    sa.Index("checks_by_model", "model", "seq"),
)
"""What the monitor found."""

KEYS: Final = _table(
    "keys",
    sa.Column("id", sa.Text, primary_key=True),
    _text("digest"),
    _text("name"),
    _text("scopes"),
    _big("created_us"),
    _big("expires_us", null=True),
    _big("revoked_us", null=True),
)
"""API keys: of the secret only its SHA-256."""

DECISIONS: Final = _table(
    "decisions",
    _sequence(),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    _text("name"),
    _big("begun_us"),
    _big("finished_us", null=True),
    _text("outcome"),
    _text("body"),
    sa.Index("decisions_by_name", "name", "seq"),
)
"""Every retraining, with its numbers: a row is written while it goes on, and then stays."""

LEASES: Final = _table(
    "leases",
    sa.Column("name", sa.Text, primary_key=True),
    _text("token"),
    _text("holder"),
    _big("taken_us"),
    _big("until_us"),
)
"""What only one process may do at a time, and which one does it."""

CLAIMS: Final = _table(
    "idempotency",
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, primary_key=True),
    _text("digest"),
    _text("entry", null=True),
    _big("time_us"),
    sa.Index("idempotency_by_time", "time_us"),
)
"""Requests that a client may send twice, and which prediction the first became."""

BUCKETS: Final = _table("buckets", sa.Column("name", sa.Text, primary_key=True), _real("tokens"), _big("time_us"))
"""How much of a rate is left, by who asks."""

SESSIONS: Final = _table(
    "sessions",
    sa.Column("id", sa.Text, primary_key=True),
    _text("key"),
    _big("seen_us"),
    sa.Index("sessions_by_key", "key"),
)
"""Streams that are open, in whichever process."""
