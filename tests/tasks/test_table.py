"""Every task has its facts, and they agree with what trained models print."""

from typing import get_args

import pytest

from auricle.evaluation import report_sections
from auricle.tasks.table import TASKS, Task
from auricle.training.train import TrainResult


def test_every_task_has_facts() -> None:
    assert tuple(TASKS) == get_args(Task)


@pytest.mark.parametrize(("fixture", "task"), [("trained_on_states", "classify"), ("trained_on_speeds", "regress")])
def test_facts_name_scores_that_training_prints(fixture: str, task: Task, request: pytest.FixtureRequest) -> None:
    result: TrainResult = request.getfixturevalue(fixture)
    facts, test = TASKS[task], result.as_json()["test"]
    assert {facts.headline, facts.verdict_score, facts.verdict_interval, "ci95"} <= test.keys()
    assert result.dataset.task == task


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_named_as_in_reports(task: Task) -> None:
    facts = TASKS[task]
    assert report_sections.SCORE_NAMES[facts.headline] == facts.headline_name
    assert report_sections.SCORE_NAMES[facts.verdict_score] == facts.verdict_name
