from pathlib import Path

from auricle.datasets.feature_table import Failure, partition_failures
from auricle.errors import AudioError


def test_what_failed_is_parted_from_what_was_made_and_each_is_told_of() -> None:
    failure = Failure(Path("b.wav"), AudioError("b.wav: it must hold sound."))
    told = []
    places, made, failures = partition_failures(
        iter(["a", failure, "c"]), lambda done, result: told.append((done, result))
    )
    assert (places, made, failures) == ([0, 2], ["a", "c"], (failure,))
    assert told == [(1, "a"), (2, failure), (3, "c")]


def test_nothing_is_parted_into_nothing() -> None:
    assert partition_failures([]) == ([], [], ())
