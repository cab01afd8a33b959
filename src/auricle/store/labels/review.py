"""The review queue: unlabelled predictions ranked by uncertainty, novelty and representativeness of the drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final, Literal

import sqlalchemy as sa

from auricle.records import Entry
from auricle.store.database import Database
from auricle.store.predictions.encoding import from_row, storable
from auricle.store.predictions.filters import Filter
from auricle.store.predictions.log import PAGE_COLUMNS
from auricle.store.tables import FEEDBACK, PREDICTIONS, TYPICAL

__all__ = ["Candidate", "Reason", "is_review_candidate", "mark_representatives", "review_queue"]

Reason = Literal["typical", "novel", "uncertain"]

_MAX_CANDIDATES: Final = 20_000  # the newest unlabelled entries: older drift has passed or was labelled
_SAMPLE_EVERY: Final = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry worth a label.

    Parameters
    ----------
    entry : Entry
    reason : {"typical", "novel", "uncertain"}
        Representative of the current drift; unlike the training data; or predicted with low confidence.
    score : float
        Rank among entries of the same reason, higher first.
    """

    entry: Entry
    reason: Reason
    score: float


def is_review_candidate(entry: Entry) -> bool:
    """Whether to keep the sound of a prediction for labelling.

    True for unknown sounds, for predictions that are not exactly one class, and for a sample of one entry in twenty:
    labels of uncertain predictions alone would not measure how good the others are.
    """
    recording = entry.recording
    if recording.labels is not None:
        is_uncertain = len(recording.labels) != 1
    else:
        is_uncertain = recording.confidence is not None and recording.confidence < 0.5
    return recording.unknown or is_uncertain or int(entry.id[-8:], 16) % _SAMPLE_EVERY == 0


def review_queue(database: Database, filters: Filter, *, limit: int = 20) -> tuple[Candidate, ...]:
    """Return the unlabelled entries most worth a label, alternating between the reasons.

    Raises
    ------
    StoreError : the database cannot be read
    """
    columns = PREDICTIONS.c
    unlabelled = ~sa.exists().where(FEEDBACK.c.entry == columns.id)
    query = (
        sa.select(columns.seq, columns.novelty, (1.0 - columns.confidence).label("uncertainty"), TYPICAL.c.score)
        .outerjoin(TYPICAL, TYPICAL.c.entry == columns.id)
        .where(unlabelled, *filters.clauses())
        .order_by(columns.seq.desc())
        .limit(_MAX_CANDIDATES)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
        chosen = _interleave(
            {
                "typical": _top([(row.score, row.seq) for row in rows], limit),
                "novel": _top([(row.novelty, row.seq) for row in rows], limit),
                "uncertain": _top([(row.uncertainty, row.seq) for row in rows], limit),
            },
            limit,
        )
        selected = connection.execute(sa.select(*PAGE_COLUMNS).where(columns.seq.in_(chosen)))
        entries = {row.seq: from_row(row) for row in selected}
    return tuple(Candidate(entries[seq], reason, score) for seq, (reason, score) in chosen.items())


def mark_representatives(database: Database, model: str, scores: Mapping[str, float]) -> None:
    """Replace the representativeness scores of a model's entries for the current drift.

    Parameters
    ----------
    scores : mapping of str to float
        By the entry's id; unknown ids are ignored.

    Raises
    ------
    StoreError : the database cannot be written
    """
    of_model = sa.select(PREDICTIONS.c.id).where(PREDICTIONS.c.model == storable(model))
    with database.write() as connection:
        connection.execute(sa.delete(TYPICAL).where(TYPICAL.c.entry.in_(of_model)))
        known = sa.select(PREDICTIONS.c.id, sa.bindparam("typical")).where(PREDICTIONS.c.id == sa.bindparam("entry_id"))
        rows: list[dict[str, Any]] = [{"entry_id": entry_id, "typical": score} for entry_id, score in scores.items()]
        if rows:
            connection.execute(sa.insert(TYPICAL).from_select(["entry", "score"], known), rows)


def _top(scored: Sequence[tuple[float | None, int]], limit: int) -> list[tuple[int, float]]:
    known = [(score, seq) for score, seq in scored if score is not None]
    return [(seq, score) for score, seq in sorted(known, reverse=True)[:limit]]


def _interleave(ranked: Mapping[Reason, Sequence[tuple[int, float]]], limit: int) -> dict[int, tuple[Reason, float]]:
    """Take from each ranking in turn, without duplicates, until there are enough."""
    columns = [[(seq, (reason, score)) for seq, score in scored] for reason, scored in ranked.items()]
    chosen: dict[int, tuple[Reason, float]] = {}
    for pair in chain.from_iterable(zip_longest(*columns)):
        if pair is not None and len(chosen) < limit:
            chosen.setdefault(*pair)
    return chosen
