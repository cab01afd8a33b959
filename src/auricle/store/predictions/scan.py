"""Scan the prediction log as batches of NumPy arrays, for monitoring."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from auricle.records import Metadata, Quality
from auricle.store.database import Database
from auricle.store.predictions.encoding import FLOAT32, decode_rows
from auricle.store.predictions.filters import Filter
from auricle.store.tables import FEEDBACK, PREDICTIONS

__all__ = ["BATCH_ENTRIES", "MEASURES", "Batch", "scan"]

BATCH_ENTRIES: Final = 4096
"""Most entries of a batch."""

_NAT: Final = int(np.iinfo(np.int64).min)  # NumPy's NaT

MEASURES: Final = tuple(field.name for field in fields(Quality))
"""Names of the columns of ``Batch.quality``."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The n entries of one model version as columns, in insertion order.

    Parameters
    ----------
    model : str
        ``name@version``.
    classes : tuple of str
        Classes in the order of ``probabilities``; empty for a regressor.
    ids, groups, keys, sources : str, shape (n,)
    times : datetime64[us] in UTC, shape (n,)
    durations_s, confidences, novelties : float64, shape (n,)
        NaN for a missing value.
    rates_hz, channels : int64, shape (n,)
    unknown : bool, shape (n,)
    labels : str, shape (n,)
        Predicted classes.
    probabilities : float64, shape (n, n_classes)
    values : float64, shape (n,)
        Predicted numbers; NaN for a classifier.
    standard : float32, shape (n, n_standard)
        Standard feature columns.
    quality : float64, shape (n, n_measures)
        Columns as in ``MEASURES``; NaN for a missing measure.
    metadata : tuple of n mappings
    truth : object or float64, shape (n,)
        Latest label: str or None for a classifier, float or NaN for a regressor.
    truth_times : datetime64[us], shape (n,)
        Time of the label; NaT without one.
    truth_keys, truth_by, truth_via : str, shape (n,)
        API key, labeller and source of the label; empty without one.
    audio : object, shape (n,)
        SHA-256 of the stored sound, or None.
    rows : n arrays of float32, shape (n_rows, n_columns), or None
        The model's input rows, if requested.
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


def scan(
    database: Database, filters: Filter, *, with_rows: bool = False, batch: int = BATCH_ENTRIES
) -> Iterator[Batch]:
    """Yield the filtered entries as arrays, oldest first; entries added during the scan may be included.

    Each batch is its own transaction, so that a slow reader does not block checkpoints of SQLite's log.

    Raises
    ------
    StoreError : the database cannot be read
    """
    clauses, columns = filters.clauses(), PREDICTIONS.c
    bounds = sa.select(sa.func.min(columns.seq), sa.func.max(columns.seq)).where(*clauses)
    with database.read() as connection:
        first, last = connection.execute(bounds).one()
    if first is None:
        return
    query = _query(with_rows=with_rows).where(*clauses, columns.seq <= last).order_by(columns.seq).limit(batch)
    after = first - 1
    while True:
        with database.read() as connection:
            page = connection.execute(query.where(columns.seq > after)).all()
        if not page:
            return
        after = page[-1].seq
        by_model: dict[tuple[str, int], list[sa.Row[Any]]] = {}
        for row in page:
            by_model.setdefault((row.model, len(row.standard)), []).append(row)
        for (model, _), rows in by_model.items():
            yield _batch(model, rows, with_rows=with_rows)


def _query(*, with_rows: bool) -> sa.Select[Any]:
    columns = PREDICTIONS.c
    last = sa.select(FEEDBACK.c.entry, sa.func.max(FEEDBACK.c.seq).label("seq")).group_by(FEEDBACK.c.entry).subquery()
    feedback = sa.select(FEEDBACK).join(last, FEEDBACK.c.seq == last.c.seq).subquery()
    skipped = ("parts", "n_bytes", "labels", "low", "high", *(() if with_rows else ("rows",)))
    return sa.select(
        *(column for column in columns if column.name not in skipped),
        *(feedback.c[name].label(f"feedback_{name}") for name in ("label", "target", "key", "who", "via", "time_us")),
    ).outerjoin(feedback, feedback.c.entry == columns.id)


def _batch(model: str, rows: Sequence[sa.Row[Any]], *, with_rows: bool) -> Batch:
    column = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    probabilities = _parse_objects(column["probabilities"])
    classes = tuple(probabilities[0])
    starts, ends = (np.array(column[name], np.float64) for name in ("start_s", "end_s"))
    truth = (column["feedback_label"], object) if classes else (column["feedback_target"], np.float64)
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
        labels=_texts(column["label"]),
        probabilities=_matrix(probabilities, classes),
        values=np.array(column["value"], np.float64),
        standard=standard,
        quality=_matrix(_parse_objects(column["quality"]), MEASURES),
        metadata=tuple(_parse_objects(column["metadata"])),
        truth=np.array(*truth),
        truth_times=_times(column["feedback_time_us"]),
        truth_keys=_texts(column["feedback_key"]),
        truth_by=_texts(column["feedback_who"]),
        truth_via=_texts(column["feedback_via"]),
        audio=np.array(column["audio"], object),
        rows=tuple(map(decode_rows, column["rows"], column["n_rows"])) if with_rows else None,
    )


def _parse_objects(texts: Sequence[str | None]) -> list[dict[str, Any]]:
    """Parse many small JSON objects in one call, which is faster."""
    objects: list[dict[str, Any]] = json.loads(f"[{','.join(text or '{}' for text in texts)}]")
    return objects


def _matrix(mappings: Sequence[Mapping[str, float]], names: Sequence[str]) -> NDArray[np.float64]:
    missing = float("nan")
    values = [mapping.get(name, missing) for mapping in mappings for name in names]
    return np.array(values, np.float64).reshape(len(mappings), len(names))


def _texts(texts: Sequence[str | None]) -> NDArray[np.str_]:
    return np.array([text or "" for text in texts])


def _times(microseconds: Sequence[int | None]) -> NDArray[np.datetime64]:
    return np.array([_NAT if us is None else us for us in microseconds], np.int64).view("M8[us]")
