"""The log as arrays, a few thousand entries at a time: what monitoring reads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from auricle.records import Metadata, Quality
from auricle.store.database import Database
from auricle.store.predictions.encoding import FLOAT32
from auricle.store.predictions.filters import Filter
from auricle.store.tables import FEEDBACK, PREDICTIONS

__all__ = ["BATCH_ENTRIES", "MEASURES", "Batch", "scan"]

BATCH_ENTRIES: Final = 4096
"""Most entries that are in memory at once."""

_NEVER: Final = int(np.iinfo(np.int64).min)  # NumPy's NaT

MEASURES: Final = tuple(field.name for field in fields(Quality))
"""The order of quality's columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Entries (n) of one version of a model, as columns, in the order in which they were added.

    Parameters
    ----------
    model : name and version
    classes : of a classifier, in the order of its probabilities; none for numbers
    ids, groups, keys, sources : str, shape (n,)
    times : datetime64[us] in UTC, shape (n,)
    durations_s, confidences, novelties : float64, shape (n,); NaN where there is none
    rates_hz, channels : int64, shape (n,)
    unknown : bool, shape (n,)
    labels : the class answered, str, shape (n,)
    probabilities : float64, shape (n, n_classes)
    values : the number answered, float64, shape (n,); NaN for a classifier
    standard : float32, shape (n, n_standard)
    quality : float64, shape (n, n_measures), columns as in ``MEASURES``; NaN where a measure was not taken
    metadata : what was told, one mapping an entry
    truth : what people said last, str or None for a classifier, float or NaN for numbers, shape (n,)
    truth_times : when they said it, datetime64[us], NaT where nobody did
    truth_keys, truth_by, truth_via : by which API key, who and how, str; empty where nobody did
    audio : SHA-256 of the kept sound, or None, shape (n,)
    rows : of each entry the rows that the model ate, float32, shape (n_rows, n_columns); None unless asked for
    """

    model: str
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    groups: NDArray[np.str_]
    keys: NDArray[np.str_]
    sources: NDArray[np.str_]
    times: NDArray[np.datetime64]
    durations_s: NDArray[np.float64]
    confidences: NDArray[np.float64]
    novelties: NDArray[np.float64]
    rates_hz: NDArray[np.int64]
    channels: NDArray[np.int64]
    unknown: NDArray[np.bool_]
    labels: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    values: NDArray[np.float64]
    standard: NDArray[np.float32]
    quality: NDArray[np.float64]
    metadata: tuple[Metadata, ...]
    truth: NDArray[Any]
    truth_times: NDArray[np.datetime64]
    truth_keys: NDArray[np.str_]
    truth_by: NDArray[np.str_]
    truth_via: NDArray[np.str_]
    audio: NDArray[np.object_]
    rows: tuple[NDArray[np.float32], ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)


def scan(database: Database, which: Filter, *, with_rows: bool = False, batch: int = BATCH_ENTRIES) -> Iterator[Batch]:
    """Yield the entries that are meant, oldest first, as arrays; entries added meanwhile may be among them.

    Each batch is a transaction of its own, so that a slow reader does not keep SQLite's log from being folded in.

    Raises
    ------
    StoreError : the database cannot be read
    """
    clauses, columns = which.clauses(), PREDICTIONS.c
    bounds = sa.select(sa.func.min(columns.seq), sa.func.max(columns.seq)).where(*clauses)
    with database.read() as connection:
        first, last = connection.execute(bounds).one()
    if first is None:
        return
    wanted = _wanted(with_rows=with_rows).where(*clauses, columns.seq <= last).order_by(columns.seq).limit(batch)
    after = first - 1
    while True:
        with database.read() as connection:
            found = connection.execute(wanted.where(columns.seq > after)).all()
        if not found:
            return
        after = found[-1].seq
        alike: dict[tuple[str, int], list[sa.Row[Any]]] = {}
        for row in found:
            alike.setdefault((row.model, len(row.standard)), []).append(row)
        for (model, _), rows in alike.items():
            yield _batch(model, rows, with_rows=with_rows)


def _wanted(*, with_rows: bool) -> sa.Select[Any]:
    columns = PREDICTIONS.c
    last = sa.select(FEEDBACK.c.entry, sa.func.max(FEEDBACK.c.seq).label("seq")).group_by(FEEDBACK.c.entry).subquery()
    told = sa.select(FEEDBACK).join(last, FEEDBACK.c.seq == last.c.seq).subquery()
    left_out = () if with_rows else ("rows",)
    return sa.select(
        *(column for column in columns if column.name not in ("parts", "n_bytes", "labels", "low", "high", *left_out)),
        told.c.label.label("told_label"),
        told.c.target.label("told_target"),
        told.c.time_us.label("told_us"),
        *(told.c[name].label(f"told_{name}") for name in ("key", "who", "via")),
    ).outerjoin(told, told.c.entry == columns.id)


def _batch(model: str, rows: Sequence[sa.Row[Any]], *, with_rows: bool) -> Batch:
    column = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    answers = _parsed(column["probabilities"])
    classes = tuple(answers[0])
    starts, ends = (np.array(column[name], np.float64) for name in ("start_s", "end_s"))
    standard = np.frombuffer(b"".join(column["standard"]), FLOAT32).reshape(len(rows), -1)
    return Batch(
        model=model,
        classes=classes,
        ids=np.array(column["id"]),
        groups=np.array(column["group_name"]),
        keys=np.array(column["key"]),
        sources=np.array(column["source"]),
        times=_times(column["time_us"]),
        durations_s=ends - starts,
        confidences=np.array(column["confidence"], np.float64),
        novelties=np.array(column["novelty"], np.float64),
        rates_hz=np.array(column["rate_hz"], np.int64),
        channels=np.array(column["channels"], np.int64),
        unknown=np.array(column["unknown"], np.bool_),
        labels=_names(column["label"]),
        probabilities=_by_name(answers, classes),
        values=np.array(column["value"], np.float64),
        standard=standard,
        quality=_by_name(_parsed(column["quality"]), MEASURES),
        metadata=tuple(_parsed(column["metadata"])),
        truth=np.array(column["told_label"], object) if classes else np.array(column["told_target"], np.float64),
        truth_times=_times(column["told_us"]),
        truth_keys=_names(column["told_key"]),
        truth_by=_names(column["told_who"]),
        truth_via=_names(column["told_via"]),
        audio=np.array(column["audio"], object),
        rows=tuple(map(_matrix, column["rows"], column["n_rows"])) if with_rows else None,
    )


def _parsed(texts: Sequence[str | None]) -> list[dict[str, Any]]:
    """Parse many small objects at once, which takes a fraction of the calls."""
    parsed: list[dict[str, Any]] = json.loads(f"[{','.join(text or '{}' for text in texts)}]")
    return parsed


def _by_name(mappings: Sequence[Mapping[str, float]], names: Sequence[str]) -> NDArray[np.float64]:
    missing = float("nan")
    values = [mapping.get(name, missing) for mapping in mappings for name in names]
    return np.array(values, np.float64).reshape(len(mappings), len(names))


def _names(texts: Sequence[str | None]) -> NDArray[np.str_]:
    return np.array([text or "" for text in texts])


def _times(microseconds: Sequence[int | None]) -> NDArray[np.datetime64]:
    return np.array([_NEVER if us is None else us for us in microseconds], np.int64).view("M8[us]")


def _matrix(content: bytes, n_rows: int) -> NDArray[np.float32]:
    return np.frombuffer(content, FLOAT32).reshape(n_rows, -1 if n_rows else 0)
