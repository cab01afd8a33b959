import pytest

from auricle.cli.options import size_bytes
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
