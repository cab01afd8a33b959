from pathlib import Path

from auricle.datasets.feature_table import Failure, partition_failures
from auricle.errors import AudioError


def test_failures_are_separated_and_every_result_is_reported() -> None:
    failure = Failure(Path("b.wav"), AudioError("b.wav: it must hold sound."))
    reports = []
    indices, successes, failures = partition_failures(
        iter(["a", failure, "c"]), lambda done, result: reports.append((done, result))
    )
    assert (indices, successes, failures) == ([0, 2], ["a", "c"], (failure,))
    assert reports == [(1, "a"), (2, failure), (3, "c")]


def test_no_results_give_empty_lists() -> None:
    assert partition_failures([]) == ([], [], ())
