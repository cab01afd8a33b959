"""SQLAlchemy tables of the newest schema.

Times are microseconds since 1970 in UTC: both databases order and compare them alike, and a scan turns them into
arrays directly. Mappings are JSON; feature rows are little-endian float32.
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

_Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite autoincrements INTEGER only


def _table(name: str, *columns: sa.Column[object] | sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns, sqlite_autoincrement=True)


def _sequence() -> sa.Column[int]:
    """Return the column that numbers rows in insertion order; no number is reused."""
    return sa.Column("seq", _Big, primary_key=True, autoincrement=True)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _real(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=null)


def _entry() -> sa.Column[str]:
    """Return the foreign key to a prediction."""
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
    _big("n_bytes"),  # size of the row, for retention by size
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
    # Columns that a scan skips come last: SQLite then reads none of their pages.
    _text("parts", null=True),
    sa.Column("rows", sa.LargeBinary, nullable=False),
    sa.Index("predictions_by_time", "time_us", "seq"),
    sa.Index("predictions_by_model", "model", "seq"),
    sa.Index("predictions_by_audio", "audio"),
)
"""One row per predicted recording."""

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
"""Labels from users: rows are only added, and the last one of a prediction counts."""

TYPICAL: Final = _table("typical", _entry(), _real("score"), sa.Index("typical_by_entry", "entry", unique=True))
"""How representative of the current drift a recording is, by the last check."""

TOMBSTONES: Final = _table("tombstones", sa.Column("id", sa.Text, primary_key=True), _big("time_us"), _text("who"))
"""Predictions that were deleted on request."""

BLOBS: Final = _table(
    "blobs",
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Sounds and bundles by SHA-256, in parts of 4 MiB."""

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
"""Every bundle of the registry."""

ALIASES: Final = _table(
    "aliases",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("models.digest"), nullable=False),
)
"""The champion and challenger of each model name."""

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
"""Results of monitoring checks."""

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
"""API keys; of the secret only its SHA-256."""

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
"""Every retraining with its results: a row is updated while it runs, and then final."""

LEASES: Final = _table(
    "leases",
    sa.Column("name", sa.Text, primary_key=True),
    _text("token"),
    _text("holder"),
    _big("taken_us"),
    _big("until_us"),
)
"""Jobs that one process at a time may do, and their holders."""

CLAIMS: Final = _table(
    "idempotency",
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, primary_key=True),
    _text("digest"),
    _text("entry", null=True),
    _big("time_us"),
    sa.Index("idempotency_by_time", "time_us"),
)
"""Idempotency keys, and the predictions that the requests became."""

BUCKETS: Final = _table("buckets", sa.Column("name", sa.Text, primary_key=True), _real("tokens"), _big("time_us"))
"""Token buckets of the rate limits, by API key."""

SESSIONS: Final = _table(
    "sessions",
    sa.Column("id", sa.Text, primary_key=True),
    _text("key"),
    _big("seen_us"),
    sa.Index("sessions_by_key", "key"),
)
"""Open streams of all processes."""
