"""Splits by time: the past on one side, the future on the other, whole groups on either."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.times import blocks_by_time, made_at, seconds
from auricle.errors import SplitError


def recorded(times: list[str | None], groups: list[str] | None = None) -> Dataset:
    names = groups or [str(index) for index in range(len(times))]
    return Dataset(
        tuple(
            Example(Path(f"{index}.wav"), "a", None, group, time=time)
            for index, (time, group) in enumerate(zip(times, names, strict=True))
        ),
        "classify",
    )


def test_all_time_formats_give_seconds_of_one_clock() -> None:
    got = seconds(recorded(["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:10", "1970-01-02", "12.5"]))
    assert got.tolist() == [0.0, 10.0, 86400.0, 12.5]


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("1970-01-01T01:00:00+01:00", "1970-01-01"),
        ("2026-03-01T12:00:00.123456", "2026-03-01T12:00:00.123456"),
        ("20260301T120000Z", "2026-03-01T12:00"),
        ("-1.5", "1969-12-31T23:59:58.5"),
        ("1772366400", "2026-03-01T12:00"),
        (None, "NaT"),
        ("noon", "NaT"),
        ("inf", "NaT"),
        ("nan", "NaT"),
        ("1772366400000", "NaT"),  # milliseconds: a year far from now
    ],
)
def test_made_at_returns_utc_or_nat(time: str | None, at: str) -> None:
    np.testing.assert_equal(made_at(time), np.datetime64(at, "us"))
    assert made_at(time).dtype == "datetime64[us]"


@pytest.mark.parametrize(("time", "message"), [(None, "This one has none"), ("yesterday", "ISO 8601.*Got 'yesterday'")])
def test_unreadable_time_names_its_file(time: str | None, message: str) -> None:
    with pytest.raises(SplitError, match=rf"1\.wav.*{message}"):
        seconds(recorded(["1", time]))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 12)), min_size=6, max_size=60), st.integers(2, 6))
def test_blocks_are_consecutive_in_time_and_keep_groups_whole(made: list[tuple[int, int]], n_blocks: int) -> None:
    at, groups = [str(time) for time, _ in made], [str(group) for _, group in made]
    data = recorded(at, groups)
    if len(set(groups)) < n_blocks:
        with pytest.raises(SplitError, match="finer group"):
            blocks_by_time(data, n_blocks)
        return
    blocks = blocks_by_time(data, n_blocks)
    assert set(blocks.tolist()) == set(range(n_blocks))
    assert all(len(set(blocks[data.groups == group])) == 1 for group in set(groups))
    last = [max(int(time) for time, block in zip(at, blocks, strict=True) if block == b) for b in range(n_blocks)]
    assert last == sorted(last, reverse=True)


def test_blocks_have_equal_numbers_of_recordings(rng: np.random.Generator) -> None:
    order = rng.permutation(50)
    blocks = blocks_by_time(recorded([str(int(time)) for time in order]), 5)
    assert blocks.tolist() == [(49 - int(time)) // 10 for time in order]
