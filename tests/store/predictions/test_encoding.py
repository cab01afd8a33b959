"""Encoding an entry as a row and decoding it is lossless."""

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from auricle.records import Entry, Prediction, Quality
from auricle.runtime import clock
from auricle.store.predictions.encoding import from_row, storable, to_row

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
FLOATS = st.floats(width=32)  # of a row: not finite too, because a store judges nothing


class Row:
    """A row as a database gives it back."""

    def __init__(self, columns: dict[str, object]) -> None:
        self.__dict__.update(columns)


@st.composite
def predictions(draw: st.DrawFn, level: str) -> Prediction:
    quality = st.builds(Quality, **{field.name: NUMBERS for field in fields(Quality)})
    named = draw(st.booleans())
    return Prediction(
        level,
        draw(NUMBERS),
        draw(NUMBERS),
        "motor@0123456789ab",
        label=draw(NAMES) if named else None,
        value=None if named else draw(NUMBERS),
        probabilities=draw(st.dictionaries(NAMES, NUMBERS, min_size=1)) if named else None,
        confidence=draw(NUMBERS) if named else None,
        labels=draw(st.none() | st.lists(NAMES).map(tuple)) if named else None,
        interval=None if named else draw(st.none() | st.tuples(NUMBERS, NUMBERS)),
        unknown=draw(st.booleans()),
        novelty=draw(st.none() | NUMBERS),
        quality=draw(st.none() | quality),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    n_rows = draw(st.integers(0, 3))
    parts = draw(st.lists(predictions("window") | predictions("event"), max_size=2))
    values = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
    return Entry(
        id=clock.new_id(),
        time=clock.from_us(draw(st.integers(-(10**15), 10**16))),
        model="motor@0123456789ab",
        predictions=(draw(predictions("recording")), *parts),
        standard=draw(arrays.arrays(np.float32, draw(st.integers(0, 4)), elements=FLOATS)),
        rows=draw(arrays.arrays(np.float32, (n_rows, 2 if n_rows else 0), elements=FLOATS)),
        key=draw(NAMES),
        group=draw(NAMES),
        metadata=draw(st.dictionaries(st.text(max_size=8), values, max_size=3)),
        source=draw(NAMES),
        rate_hz=draw(st.integers(0, 10**6)),
        channels=draw(st.integers(0, 64)),
        audio=draw(st.none() | st.just("ab" * 32)),
    )


@settings(max_examples=40)
@given(entries())
def test_encoding_round_trips(entry: Entry) -> None:
    found = from_row(Row(to_row(entry)))
    assert found == entry
    assert found.standard.tobytes() == entry.standard.tobytes()
    assert found.rows.tobytes() == entry.rows.tobytes()
    assert found.rows.shape == entry.rows.shape


@given(st.text())
def test_storable_text_is_encodable_and_idempotent(text: str) -> None:
    stored = storable(text)
    assert "\0" not in stored
    assert stored.encode().decode() == stored
    assert storable(stored) == stored
