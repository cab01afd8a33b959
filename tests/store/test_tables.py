"""The declared tables: those that migrations make, with times and references of one kind."""

from collections.abc import Callable

import sqlalchemy as sa

from auricle.records import Entry
from auricle.store import tables
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store
from auricle.store.tables import CHECKS, FEEDBACK, METADATA, PREDICTIONS, TYPICAL


def test_every_table_of_the_schema_is_exported() -> None:
    exported = [getattr(tables, name) for name in tables.__all__ if name != "METADATA"]
    assert {table.name for table in exported} == METADATA.tables.keys()


def test_migrated_schema_equals_the_declared_tables(store_url: str) -> None:
    with Store.open(store_url) as store:
        found = sa.inspect(store.database.engine)
        for table in METADATA.sorted_tables:
            assert [column["name"] for column in found.get_columns(table.name)] == [c.name for c in table.columns]
            assert {
                index["name"] for index in found.get_indexes(table.name) if not index.get("duplicates_constraint")
            } == {index.name for index in table.indexes}


def test_times_are_microseconds_that_fit() -> None:
    columns = [column for table in METADATA.sorted_tables for column in table.columns]
    times = [column for column in columns if column.name.endswith("_us")]
    assert len(times) > 10
    assert all(isinstance(column.type, sa.BigInteger) for column in times)
    assert [column.name for column in columns if isinstance(column.type, sa.DateTime | sa.Date)] == []


def test_a_scan_reads_none_of_the_large_columns_of_a_prediction() -> None:
    assert [column.name for column in PREDICTIONS.columns][-2:] == ["parts", "rows"]


def test_what_is_said_of_a_prediction_is_deleted_with_it(store: Store, make_entry: Callable[..., Entry]) -> None:
    entry, other = make_entry(), make_entry()
    store.add([entry, other])
    for one in (entry, other):
        store.feedback.add(FeedbackEntry(one.id, label="worn"))
    with store.database.write() as connection:
        connection.execute(sa.insert(TYPICAL), [{"entry": one.id, "score": 1.0} for one in (entry, other)])
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.id == entry.id))
        for table in (FEEDBACK, TYPICAL):
            assert list(connection.execute(sa.select(table.c.entry)).scalars()) == [other.id]


def test_the_number_of_a_deleted_row_is_not_used_again(store: Store) -> None:
    row = {"time_us": 0, "model": "", "verdict": "", "body": ""}
    with store.database.write() as connection:
        first = connection.execute(sa.insert(CHECKS).values(row | {"id": "a"}).returning(CHECKS.c.seq)).scalar_one()
        connection.execute(sa.delete(CHECKS))
        second = connection.execute(sa.insert(CHECKS).values(row | {"id": "b"}).returning(CHECKS.c.seq)).scalar_one()
    assert second > first
