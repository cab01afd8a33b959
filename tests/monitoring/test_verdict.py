"""Verdicts: persistence over checks, sentences, and next steps."""

import pytest

from auricle.monitoring.verdict import Persistence, decide

TWO_OF_THREE = Persistence(2, 3)


@pytest.mark.parametrize(
    ("alarms", "warnings", "earlier", "state"),
    [
        ([], [], [], "ok"),
        (["x"], [], [], "watch"),
        (["x"], [], ["alarm"], "alarm"),
        (["x"], [], ["alarm", "ok"], "alarm"),
        (["x"], [], ["alarm", "ok", "ok"], "watch"),
        ([], [], ["alarm", "alarm"], "watch"),
        ([], [], ["alarm", "ok", "ok"], "ok"),
        ([], ["?"], ["ok", "ok"], "watch"),
        ([], ["?"], ["alarm", "alarm"], "alarm"),
    ],
)
def test_alarm_needs_persistence(alarms, warnings, earlier, state):
    assert decide(alarms, warnings, earlier=earlier, persistence=TWO_OF_THREE).state == state


def test_one_check_is_enough_by_default():
    verdict = decide(["Level fell by 12 dB."], ["Not sure."], kinds=["level", "level"])
    assert (verdict.state, verdict.found) == ("alarm", "alarm")
    assert verdict.sentence == "Level fell by 12 dB. Not sure."
    assert len(verdict.steps) == 1


def test_sentence_names_missing_persistence():
    assert (
        "Found in 1 of the last 2 checks; an alarm needs 2 of 3."
        in decide(["Hum."], [], earlier=["ok"], persistence=TWO_OF_THREE).sentence
    )


def test_ok_verdict_has_no_next_steps():
    verdict = decide([], [], kinds=["noise"], ok_sentence="Nothing.")
    assert (verdict.sentence, verdict.steps) == ("Nothing.", ())
