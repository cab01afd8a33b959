"""Filters of predictions: opaque cursors, and the models that a name means."""

from contextlib import suppress

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import UsageError
from auricle.store.predictions.filters import Filter, from_cursor, matches_model, to_cursor


@given(seq=st.integers(0, 10**18 - 1))
def test_a_cursor_is_decoded_as_it_was_encoded(seq: int) -> None:
    assert from_cursor(to_cursor(seq)) == seq


@given(text=st.text(max_size=40))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with suppress(UsageError):  # any other error fails
        assert to_cursor(from_cursor(text)).startswith("c2VxO")


@pytest.mark.parametrize("text", ["", "x", "c2VxOg", "c2VxOi0x", "é"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="`cursor` must be one that an earlier page gave"):
        from_cursor(text)


MODELS = ["pump@0123456789ab", "pump@ba9876543210", "pumps@0123456789ab", "pump", "pumA@0123456789ab"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [("pump@0123456789ab", MODELS[:1]), ("pump", MODELS[:2]), ("pumps", MODELS[2:3]), ("valve", [])],
)
def test_a_name_means_all_its_versions_and_an_id_one(model: str, expected: list[str]) -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("models", sa.MetaData(), sa.Column("name", sa.Text))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"name": name} for name in MODELS])
        found = connection.scalars(sa.select(table.c.name).where(matches_model(table.c.name, model))).all()
    assert sorted(found) == sorted(expected)


def test_an_empty_filter_has_no_clauses_and_each_field_adds_one() -> None:
    assert Filter().clauses() == []
    assert len(Filter(label="a", key="k", group="g", unknown=False, labelled=True, model="pump").clauses()) == 6
