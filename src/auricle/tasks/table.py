"""The table of tasks: for each, the kind of its target and its names in tables, options and scores.

>>> TASKS["regress"].headline
'r2'
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["TASKS", "Task", "TaskFacts"]

Task: TypeAlias = Literal["classify", "regress"]
"""A task's name in a manifest, in the store and after ``train --task``."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The facts of one task.

    Parameters
    ----------
    target : str
        Kind of thing that is predicted.
    column : str
        Column of a table, option and key that hold the target.
    headline : str
        Key of the score that candidates are compared by; ``ci95`` is its interval.
    headline_name : str
        The same in words.
    verdict_score, verdict_interval : str
        Keys of the score, and of its interval, that are compared with guessing.
    verdict_name : str
        The verdict's score in words.
    part_score : str
        In words, the score of a part of the recordings, such as one site's.
    """

    target: Literal["class", "number"]
    column: Literal["label", "target"]
    headline: str
    headline_name: str
    verdict_score: str
    verdict_interval: str
    verdict_name: str
    part_score: str


TASKS: Final[dict[Task, TaskFacts]] = {
    "classify": TaskFacts(
        target="class",
        column="label",
        headline="accuracy",
        headline_name="accuracy",
        verdict_score="balanced_accuracy",
        verdict_interval="balanced_accuracy_ci95",
        verdict_name="balanced accuracy",
        part_score="accuracy",
    ),
    "regress": TaskFacts(
        target="number",
        column="target",
        headline="r2",
        headline_name="R²",
        verdict_score="r2",
        verdict_interval="ci95",
        verdict_name="R²",
        part_score="mean absolute error",
    ),
}
