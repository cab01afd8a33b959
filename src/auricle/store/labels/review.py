"""What is most worth labelling: answers in doubt, sounds like none before, and what the drift is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final, Literal

import sqlalchemy as sa

from auricle.records import Entry
from auricle.store.database import Database
from auricle.store.predictions.encoding import from_row, storable
from auricle.store.predictions.filters import Filter
from auricle.store.tables import FEEDBACK, PREDICTIONS, TYPICAL

__all__ = ["Candidate", "Reason", "is_review_candidate", "mark_representatives", "review_queue"]

Reason = Literal["typical", "novel", "uncertain"]

_LOOKED_AT: Final = 20_000  # the newest unlabelled entries: older drift has passed or was labelled
_SAMPLED: Final = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that is worth a label.

    Parameters
    ----------
    entry : the entry
    reason : typical of the present drift; novel, unlike the training sound; or uncertain, its answer in doubt
    score : how much so, among entries of the same reason
    """

    entry: Entry
    reason: Reason
    score: float


def is_review_candidate(entry: Entry) -> bool:
    """Whether the sound of an answer should be kept for somebody to label it.

    It should where the sound is unknown, where the answer is not one class alone, and of one entry in twenty whatever
    was answered: labels of doubtful answers alone would say nothing of how good the others are.
    """
    answer = entry.recording
    if answer.labels is not None:
        is_doubtful = len(answer.labels) != 1
    else:
        is_doubtful = answer.confidence is not None and answer.confidence < 0.5
    return answer.unknown or is_doubtful or int(entry.id[-8:], 16) % _SAMPLED == 0


def review_queue(database: Database, which: Filter, *, limit: int = 20) -> tuple[Candidate, ...]:
    """Return unlabelled entries, the ones most worth a label first, reason by reason in turn.

    Raises
    ------
    StoreError : the database cannot be read
    """
    columns = PREDICTIONS.c
    unlabelled = ~sa.exists().where(FEEDBACK.c.entry == columns.id)
    wanted = (
        sa.select(columns.seq, columns.novelty, (1.0 - columns.confidence).label("doubt"), TYPICAL.c.score)
        .outerjoin(TYPICAL, TYPICAL.c.entry == columns.id)
        .where(unlabelled, *which.clauses())
        .order_by(columns.seq.desc())
        .limit(_LOOKED_AT)
    )
    with database.read() as connection:
        rows = connection.execute(wanted).all()
        chosen = _in_turn(
            {
                "typical": _best([(row.score, row.seq) for row in rows], limit),
                "novel": _best([(row.novelty, row.seq) for row in rows], limit),
                "uncertain": _best([(row.doubt, row.seq) for row in rows], limit),
            },
            limit,
        )
        found = connection.execute(sa.select(PREDICTIONS).where(columns.seq.in_(chosen)))
        entries = {row.seq: from_row(row) for row in found}
    return tuple(Candidate(entries[seq], reason, score) for seq, (reason, score) in chosen.items())


def mark_representatives(database: Database, model: str, scores: Mapping[str, float]) -> None:
    """Say how typical of the present drift entries of a model are, in place of what was said before.

    Parameters
    ----------
    scores : by the entry's id; ids that are not in the store are passed over

    Raises
    ------
    StoreError : the database cannot be written
    """
    of_model = sa.select(PREDICTIONS.c.id).where(PREDICTIONS.c.model == storable(model))
    with database.write() as connection:
        connection.execute(sa.delete(TYPICAL).where(TYPICAL.c.entry.in_(of_model)))
        known = sa.select(PREDICTIONS.c.id, sa.bindparam("typical")).where(PREDICTIONS.c.id == sa.bindparam("one"))
        rows: list[dict[str, Any]] = [{"one": one, "typical": score} for one, score in scores.items()]
        if rows:
            connection.execute(sa.insert(TYPICAL).from_select(["entry", "score"], known), rows)


def _best(scored: Sequence[tuple[float | None, int]], limit: int) -> list[tuple[int, float]]:
    known = [(score, seq) for score, seq in scored if score is not None]
    return [(seq, score) for score, seq in sorted(known, reverse=True)[:limit]]


def _in_turn(lists: Mapping[Reason, Sequence[tuple[int, float]]], limit: int) -> dict[int, tuple[Reason, float]]:
    """Take from each list in turn what no other has given, until there are enough."""
    marked = [[(seq, (reason, score)) for seq, score in scored] for reason, scored in lists.items()]
    chosen: dict[int, tuple[Reason, float]] = {}
    for pair in chain.from_iterable(zip_longest(*marked)):
        if pair is not None and len(chosen) < limit:
            chosen.setdefault(*pair)
    return chosen
