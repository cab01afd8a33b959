import pytest

from auricle.cli.options import duration_s, size_bytes, span_s
from auricle.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("123", 123), ("10GB", 10**10), ("1.5 kb", 1500), (" 2TB ", 2 * 10**12), ("3MB", 3e6)]
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "ten", "10 XB", "10GBB", "-1GB", "nan", "inf", "1_0"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match=r"A size must be a number with KB, MB, GB or TB, such as 10GB\. Got "):
        size_bytes(text)


@pytest.mark.parametrize(("text", "seconds"), [("none", None), ("90", 90), ("5m", 300), ("1.5 H", 5400), ("30s", 30)])
def test_times(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "five", "5w", "-1m", "0", "0s", "nan", "inf"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"A time must be none, or a number above 0 with s, m, h or d, such as 5m\. Got "
    ):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 90 * 86_400), ("1.5 H", 5400), ("2w", 14 * 86_400), ("30s", 30), ("5m", 300)]
)
def test_stretches_of_time(text: str, seconds: float) -> None:
    assert span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "five", "5", "none", "-1d", "0d", "nan", "inf", "5y"])
def test_what_is_no_stretch_of_time(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be a number above 0 with s, m, h, d or w, such as 90d\. Got "):
        span_s(text)
