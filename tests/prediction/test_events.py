from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.decode import read
from auricle.errors import UsageError
from auricle.prediction.events import OFF_RATIO, EventRules, Events
from auricle.prediction.predictor import Predictor
from auricle.records import Prediction, Quality

QUALITY = Quality(**{field.name: 0.0 for field in fields(Quality)} | {"level_db": -20.0, "bandwidth_hz": 4000.0})


def model(*thresholds: float) -> Any:
    return SimpleNamespace(
        classes=("knock", "rest"),
        name="m@1",
        bundle=SimpleNamespace(manifest=SimpleNamespace(event_thresholds=thresholds)),
    )


def windows(knocks: Sequence[float | None], *, hop_s: float = 1.0, window_s: float = 1.0) -> list[Prediction]:
    """Return windows with these probabilities of the first class; None for an unknown window."""
    return [
        Prediction(
            "window",
            i * hop_s,
            i * hop_s + window_s,
            "m@1",
            label="knock",
            probabilities={"knock": 0.9 if p is None else p, "rest": 0.1 if p is None else 1 - p},
            confidence=p,
            unknown=p is None,
            novelty=0.5,
            quality=QUALITY,
        )
        for i, p in enumerate(knocks)
    ]


def events(
    knocks: Sequence[float | None], rules: EventRules, *, announce: bool = False, **times: float
) -> list[Prediction]:
    found = Events(model(), replace(rules, only=("knock",)), announce=announce)
    return found.push(windows(knocks, **times)) + found.flush()


def spans(found: list[Prediction]) -> list[tuple[float, float]]:
    return [(event.start_s, event.end_s) for event in found]


def test_windows_become_an_event() -> None:
    (event,) = events([0.1, 0.8, 0.9, 0.7, 0.1], EventRules())
    assert (event.level, event.start_s, event.end_s, event.label) == ("event", 1.0, 4.0, "knock")
    assert event.confidence == pytest.approx(0.8)
    assert event.peak == 0.9
    assert event.probabilities == pytest.approx({"knock": 0.8, "rest": 0.2})
    assert (event.novelty, event.unknown, event.ongoing, event.model) == (0.5, False, False, "m@1")
    assert event.quality is not None
    assert event.quality.level_db == pytest.approx(-20)
    assert event.as_json()["peak"] == 0.9


@pytest.mark.parametrize(
    ("knocks", "rules", "expected"),
    [
        ([0.6, 0.4, 0.2, 0.4], EventRules(), [(0, 2)]),  # ends below 0.6 of `on`
        ([0.4, 0.6, 0.4], EventRules(off=0.5), [(1, 2)]),
        ([0.4, 0.6, 0.4], EventRules(on=0.4, off=0.4), [(0, 3)]),
        ([0.9, 0.1, 0.9], EventRules(), [(0, 1), (2, 3)]),
        ([0.9, 0.1, 0.9], EventRules(max_gap_s=1.0), [(0, 3)]),
        ([0.9, 0.1, 0.1, 0.9], EventRules(max_gap_s=1.0), [(0, 1), (3, 4)]),
        ([0.9, 0.1, 0.9, 0.9], EventRules(min_duration_s=2.0), [(2, 4)]),
        ([0.9, 0.1, 0.9], EventRules(min_duration_s=3.0, max_gap_s=1.0), [(0, 3)]),  # merged first
        ([0.9, 0.1, 0.9, 0.9, 0.1], EventRules(confirm=2), [(2, 4)]),
        ([0.9, 0.9, 0.1, 0.9], EventRules(confirm=2, max_gap_s=5.0), [(0, 2)]),  # an unconfirmed event is not merged
        ([0.9, 0.4, 0.9], EventRules(confirm=2), []),  # `off` does not confirm
        ([0.0, 0.9, 0.0], EventRules(smooth=3), []),
        ([0.0, 0.9, 0.9, 0.0], EventRules(smooth=3), [(1, 4)]),  # 0.45, 0.6, 0.6, 0.45
        ([0.9, None, 0.9], EventRules(), [(0, 1), (2, 3)]),
        ([None, None], EventRules(), []),
        ([], EventRules(), []),
        ([0.5], EventRules(), [(0, 1)]),
    ],
)
def test_rules(knocks: list[float | None], rules: EventRules, expected: list[tuple[float, float]]) -> None:
    assert spans(events(knocks, rules)) == expected


def test_overlapping_windows_leave_no_gap() -> None:
    assert spans(events([0.9, 0.1, 0.9], EventRules(), hop_s=0.5)) == [(0.0, 2.0)]
    assert spans(events([0.9, 0.1, 0.1, 0.9], EventRules(), hop_s=0.5)) == [(0.0, 1.0), (1.5, 2.5)]


def test_each_class_has_its_own_threshold() -> None:
    found = Events(model(0.3, 0.9), EventRules())
    got = found.push(windows([0.35, 0.2, 0.1])) + found.flush()
    assert [(e.label, e.start_s, e.end_s) for e in got] == [("knock", 0.0, 2.0), ("rest", 2.0, 3.0)]
    found = Events(model(0.3, 0.9), EventRules(on=0.7))
    assert [e.label for e in found.push(windows([0.35, 0.2, 0.1])) + found.flush()] == ["rest"]


def test_an_off_above_the_classs_own_on_raises_the_on() -> None:
    found = Events(model(0.3, 0.9), EventRules(off=0.5, only=("knock",)))
    assert spans(found.push(windows([0.4, 0.6, 0.4])) + found.flush()) == [(1.0, 2.0)]


def test_an_event_is_announced_once_it_is_confirmed_and_long_enough() -> None:
    found = Events(model(), EventRules(confirm=2, min_duration_s=3.0, only=("knock",)), announce=True)
    given = [found.push([window]) for window in windows([0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.1])]
    assert [[(e.ongoing, e.start_s, e.end_s) for e in some] for some in given] == [
        [],
        [],
        [(True, 0.0, 3.0)],
        [],
        [],  # the next event may still be merged with it
        [(False, 0.0, 4.0)],
        [],
        [],
    ]
    assert found.flush() == []
    assert events([0.9], EventRules(), announce=True)[0].as_json()["ongoing"] is True


def test_an_ongoing_event_is_marked_in_json() -> None:
    first, last = events([0.9, 0.1], EventRules(), announce=True)
    assert (first.ongoing, last.ongoing) == (True, False)
    assert "ongoing" not in last.as_json()


probabilities = st.lists(st.sampled_from([0.0, 0.1, 0.29, 0.3, 0.31, 0.45, 0.5, 0.6, 0.9, 1.0]), max_size=40)
some_rules = st.builds(
    EventRules,
    on=st.sampled_from([0.3, 0.5, 0.8]),
    off=st.sampled_from([None, 0.1, 0.3]),
    min_duration_s=st.sampled_from([0.0, 2.0, 3.5]),
    max_gap_s=st.sampled_from([0.0, 1.0, 2.5]),
    smooth=st.sampled_from([1, 3, 5]),
    confirm=st.integers(1, 3),
)
hops = st.sampled_from([1.0, 0.5, 0.25])


def reference(knocks: list[float], rules: EventRules, hop_s: float) -> list[tuple[float, float]]:
    """Detect events in whole arrays: smooth, find runs, keep confirmed ones, merge, drop short ones."""
    p, half = np.array(knocks), rules.smooth // 2
    p = np.array([p[max(0, i - half) : i + half + 1].mean() for i in range(p.size)])
    on = rules.on or 0.5
    off = OFF_RATIO * on if rules.off is None else rules.off
    runs, i = [], 0
    while i < p.size:
        if i + rules.confirm <= p.size and (p[i : i + rules.confirm] >= on).all():
            end = i + rules.confirm
            while end < p.size and p[end] >= off:
                end += 1
            runs.append((i * hop_s, (end - 1) * hop_s + 1.0))
            i = end
        else:
            i += 1
    merged: list[tuple[float, float]] = []
    for start, end in runs:
        if merged and start - merged[-1][1] <= rules.max_gap_s + 1e-9:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [(start, end) for start, end in merged if end - start >= rules.min_duration_s - 1e-9]


@settings(max_examples=400, deadline=None)
@given(knocks=probabilities, rules=some_rules, hop_s=hops)
def test_windows_one_by_one_give_the_events_of_whole_arrays(
    knocks: list[float], rules: EventRules, hop_s: float
) -> None:
    assert spans(events(knocks, rules, hop_s=hop_s)) == reference(knocks, rules, hop_s)


@settings(max_examples=150, deadline=None)
@given(knocks=probabilities, rules=some_rules, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_events_do_not_depend_on_the_batches_of_windows(
    knocks: list[float], rules: EventRules, cuts: list[int]
) -> None:
    whole = Events(model(), rules)
    expected = whole.push(windows(knocks)) + whole.flush()
    parts = Events(model(), rules)
    got = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True):
        got += parts.push(windows(knocks)[start:end])
    assert got + parts.flush() == expected


@settings(max_examples=100, deadline=None)
@given(knocks=probabilities, rules=some_rules, hop_s=hops)
def test_every_announced_event_ends_and_every_ended_one_was_announced(
    knocks: list[float], rules: EventRules, hop_s: float
) -> None:
    got = events(knocks, rules, announce=True, hop_s=hop_s)
    ended = [event for event in got if not event.ongoing]
    assert ended == events(knocks, rules, hop_s=hop_s)
    # A short event may become long enough only by a later merge, after its announcement was due.
    assert {e.start_s for e in got if e.ongoing} <= {e.start_s for e in ended}
    if not rules.min_duration_s:
        assert {e.start_s for e in got if e.ongoing} == {e.start_s for e in ended}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"on": 0.0}, "`on` must be a probability above 0 and at most 1. Got 0."),
        ({"off": 1.5}, "`off` must be a probability above 0 and at most 1. Got 1.5."),
        ({"on": 0.5, "off": 0.6}, r"`off` must be at most `on` \(0.5\). Got 0.6."),
        ({"min_duration_s": -1.0}, "`min_duration_s` must be 0 or more seconds. Got -1."),
        ({"max_gap_s": float("inf")}, "`max_gap_s` must be 0 or more seconds. Got inf."),
        ({"smooth": 2}, "`smooth` must be an odd number of windows. Got 2."),
        ({"confirm": 0}, "`confirm` must be at least 1 window. Got 0."),
        ({"on": float("nan")}, "`on` must be a probability"),
    ],
)
def test_rules_out_of_range(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        EventRules(**rule)


def test_only_must_name_classes_of_the_model() -> None:
    with pytest.raises(UsageError, match=r"`only` must name classes of the model \(knock, rest\)\. Got 'bark'"):
        Events(model(), EventRules(only=("bark",)))


def test_a_regressor_has_no_events(speeds: Predictor, machine_sounds: Path) -> None:
    with pytest.raises(UsageError, match=r"Events need classes, and speeds@\w+ predicts a number"):
        next(speeds.events(machine_sounds.parent / "clips" / "0001.wav"))


def test_a_file_and_its_stream_have_the_same_events(states: Predictor, machine_sounds: Path) -> None:
    rules = EventRules(on=0.4, smooth=3)
    for file in sorted((machine_sounds.parent / "clips").iterdir())[:6]:
        expected = list(states.events(file, rules=rules, hop_s=0.1))
        clip = read(file)
        found = Events(states.loaded, rules)
        got = []
        for window in states.stream(np.array_split(clip.samples, 7), rate_hz=clip.rate_hz, hop_s=0.1):
            got += found.push([window])
        assert got + found.flush() == expected
        assert expected
