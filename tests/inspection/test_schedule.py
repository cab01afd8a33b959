"""The schedule of recorders: their interval, the nights that belong to it, and gaps that do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.inspection.schedule import describe, schedules

START = datetime(2023, 5, 1, 6, tzinfo=UTC)


def recorded(*hours: float, device: str = "A", label: str = "x") -> list[Example]:
    times = [START + timedelta(hours=hour) for hour in hours]
    return [
        Example(
            Path(f"{device}-{n}.wav"), label, None, f"{device}-{n}", time=t.isoformat(), metadata={"device": device}
        )
        for n, t in enumerate(times)
    ]


def of(*examples: Example) -> Dataset:
    return Dataset(examples, "classify")


def test_a_regular_recorder_has_no_gap() -> None:
    column, (found,) = schedules(of(*recorded(*range(48))))
    assert column == "device"
    assert (found.place, found.n, found.interval_s, found.gaps) == ("A", 48, 3600.0, ())
    assert list(describe(found)) == [
        "A: 48 recordings from 2023-05-01T06:00:00 to 2023-05-03T05:00:00 UTC, every 60 minutes."
    ]


def test_a_gap_is_told_with_its_length_and_place() -> None:
    hours = [hour for hour in range(48) if not 20 <= hour < 29]
    _, (a, b) = schedules(of(*recorded(*hours), *recorded(*range(24), device="B")))
    assert [gap.hours for gap in a.gaps] == [10.0]
    assert b.gaps == ()
    assert list(describe(a))[1] == "gap of 10 hours from 2023-05-02T01:00:00 to 2023-05-02T11:00:00."
    assert a.as_json()["gaps"] == [{"last": "2023-05-02T01:00:00", "first": "2023-05-02T11:00:00", "hours": 10.0}]


def test_nights_belong_to_the_schedule() -> None:
    days = [24 * day + hour for day in range(6) for hour in range(12)]
    assert schedules(of(*recorded(*days)))[1][0].gaps == ()
    without_a_day = [hour for hour in days if not 48 <= hour < 72]
    assert [gap.hours for gap in schedules(of(*recorded(*without_a_day)))[1][0].gaps] == [37.0]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_recordings_show_no_interval(n: int) -> None:
    (found,) = schedules(of(*recorded(*range(0, 10 * n, 10))))[1]
    assert (found.interval_s, found.gaps) == (None, ())


def test_without_times_there_is_no_schedule() -> None:
    assert schedules(of(Example(Path("a.wav"), "x", None, "a"))) == ("", ())


def test_parts_of_a_recording_count_once() -> None:
    (one,) = recorded(0)
    parts = [Example(one.file, "x", None, "a", start_s=s, end_s=s + 1, time=one.time) for s in (0.0, 1.0, 2.0)]
    assert schedules(of(*parts))[1][0].n == 1
