"""The one place that says what time it is, and ids that follow it.

A clock may jump: set by hand, corrected by the network, wrong until the first correction. ``now`` tells what the
machine believes; ids stay unique whatever it believes, and rise within a process even where it jumps back.
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
"""Low bits of an id that count within a millisecond; it starts in their lower half, so there is room to count."""


def now() -> datetime:
    """Return the present, in UTC, to the microsecond."""
    return datetime.fromtimestamp(time.time(), UTC)


def to_us(when: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (when - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the time, in UTC, that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Deadline:
    """How long to go on trying: by the monotonic clock, which never jumps.

    Parameters
    ----------
    seconds : from now
    """

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def left_s(self) -> float:
        """Return the seconds until then, at least 0."""
        return max(0.0, self._end_s - time.monotonic())

    def is_over(self) -> bool:
        """Whether it has passed."""
        return not self.left_s()


def new_id() -> str:
    """Return a new id: a UUID of version 7, which sorts by the time at which it was made.

    Within a process every id is greater than the one before, also when the clock stands still or jumps back: the
    last millisecond is then kept, and the counter goes on.

    Source: RFC 9562, section 5.7, and section 6.2, method 1.
    """
    millisecond, counter = _LATEST.advance()
    high, low = counter >> 30, counter & (1 << 30) - 1
    value = millisecond << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 32 | secrets.randbits(32)
    return str(UUID(int=value))


def derived_id(identity: str, name: str) -> str:
    """Return the id of something that belongs to what an id names: of its time, and the same whenever it is asked for.

    Source: RFC 9562, section 6.2, with a hash in the place of the counter and the random bits.
    """
    digest = int.from_bytes(hashlib.sha256(f"{identity}/{name}".encode(errors="surrogateescape")).digest()[:16])
    free = (1 << 62) - 1 | 0xFFF << 64  # all but the time, the version and the variant
    return str(UUID(int=UUID(identity).int & ~free | digest & free))


class _Latest:
    """The millisecond and the counter of the id that a process made last."""

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
