import pytest

from auricle.datasets.annotations.marks import Mark, Marks, first_filled, usable
from auricle.errors import DataError


def test_points_and_marks_without_a_label_are_left_out() -> None:
    found = usable(
        Marks(
            (
                Mark("t, line 1", "0", "1", "dog"),
                Mark("t, line 2", "1.0", "1.00", "cat"),
                Mark("t, line 3", "1", "2", " "),
            ),
            (("annotations", "earlier", "t, line 0"),),
        )
    )
    assert [mark.where for mark in found.marks] == ["t, line 1"]
    assert found.left_out == (
        ("annotations", "earlier", "t, line 0"),
        ("annotations", "points in time, which have no sound: widen them", "t, line 2"),
        ("annotations", "without a label: write one", "t, line 3"),
    )


def test_a_mark_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(DataError, match=r"t, line 9: a mark must end after it begins\. .* from 2 s to 1 s"):
        usable(Marks((Mark("t, line 9", "2", "1", "dog"),)))


def test_the_first_filled_column() -> None:
    rows = [{"a": "", "b": " ", "c": "x"}, {"a": "", "b": "y", "c": ""}]
    assert first_filled(rows, ["a", "b", "c"]) == "b"
    assert first_filled([], ["a", "b"]) == "a"
    assert first_filled(rows, []) is None
