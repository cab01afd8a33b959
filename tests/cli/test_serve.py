"""``auricle serve``: the options that limit the log by age or size."""

import pytest

from auricle.cli.serve import _retention
from auricle.errors import UsageError


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("90d", ("keep_days", 90.0)),
        ("12h", ("keep_days", 0.5)),
        ("10GB", ("keep_mb", 10_000)),
        ("1.5 gb", ("keep_mb", 1_500)),
        ("1KB", ("keep_mb", 1)),
    ],
)
def test_retention_is_an_age_or_a_size(text: str, setting: tuple[str, float]) -> None:
    assert _retention(text) == setting


@pytest.mark.parametrize("text", ["", "90", "none", "10XB", "-1d", "d", "B"])
def test_other_retentions_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as (90d|10GB)\. Got "):
        _retention(text)


def test_the_command_refuses_them_too(auricle) -> None:
    ran = auricle("serve", "--keep", "for ever")
    assert ran.code == 2
    assert "A duration must be a number above 0" in ran.sentence
