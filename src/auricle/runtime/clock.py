"""The time in UTC, deadlines, and unique ids that sort by time.

The system clock may jump. ``now`` returns its reading; ids stay unique whatever it reads, and rise within a process
even where it jumps back.
"""

import hashlib
import secrets
import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import UUID

__all__ = ["Deadline", "derived_id", "from_us", "new_id", "now", "to_us"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

COUNTER_BITS = 42
"""Low bits of an id that count within a millisecond; the count starts in their lower half, which leaves room."""


def now() -> datetime:
    """Return the time in UTC, to the microsecond."""
    return datetime.fromtimestamp(time.time(), UTC)


def to_us(when: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (when - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the time, in UTC, that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Deadline:
    """A limit on retries, by the monotonic clock, which never jumps.

    Parameters
    ----------
    seconds : float
        From now.
    """

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def left_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self._end_s - time.monotonic())

    def is_over(self) -> bool:
        """Return whether the deadline has passed."""
        return not self.left_s()


def new_id() -> str:
    """Return a new UUID of version 7, which sorts by its time.

    Within a process each id is greater than the last, also when the clock stands still or jumps back: the last
    millisecond is then kept and the counter rises.

    Source: RFC 9562, section 5.7, and section 6.2, method 1.
    """
    millisecond, counter = _LATEST.advance()
    high, low = counter >> 30, counter & (1 << 30) - 1
    value = millisecond << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 32 | secrets.randbits(32)
    return str(UUID(int=value))


def derived_id(identity: str, name: str) -> str:
    """Return the id of a part of an identified thing: with the time of the whole, and the same for the same name.

    Source: RFC 9562, section 6.2, with a hash in the place of the counter and the random bits.
    """
    digest = int.from_bytes(hashlib.sha256(f"{identity}/{name}".encode(errors="surrogateescape")).digest()[:16])
    free = (1 << 62) - 1 | 0xFFF << 64  # all but the time, the version and the variant
    return str(UUID(int=UUID(identity).int & ~free | digest & free))


class _Latest:
    """The millisecond and the counter of the last id of this process."""

    def __init__(self) -> None:
        self.millisecond = self.counter = 0
        self._lock = Lock()

    def advance(self) -> tuple[int, int]:
        with self._lock:
            present = time.time_ns() // 1_000_000
            self.counter += 1
            if present > self.millisecond or self.counter >> COUNTER_BITS:
                self.millisecond = max(present, self.millisecond + 1)
                self.counter = secrets.randbits(COUNTER_BITS - 1)
            return self.millisecond, self.counter


_LATEST = _Latest()
