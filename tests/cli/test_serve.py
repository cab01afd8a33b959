import pytest

from auricle.cli.serve import _kept
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
def test_what_is_kept_is_an_age_or_a_size(text: str, setting: tuple[str, float]) -> None:
    assert _kept(text) == setting


@pytest.mark.parametrize("text", ["", "90", "none", "10XB", "-1d", "d", "B"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as (90d|10GB)\. Got "):
        _kept(text)


def test_the_command_says_so_too(auricle) -> None:
    ran = auricle("serve", "--keep", "for ever")
    assert ran.code == 2
    assert "A stretch of time must be a number above 0" in ran.sentence
