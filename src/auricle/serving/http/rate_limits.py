"""Rate limits per API key over all processes: each process draws tokens from the store's bucket in advance."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from anyio import to_thread

from auricle.errors import RequestError, StoreError

__all__ = ["RateLimits"]

_AHEAD_S: Final = 0.2
_MAX_BUCKETS: Final = 10_000


@dataclass(slots=True)
class _LocalBucket:
    """Tokens that this process has drawn for a key and not spent."""

    tokens: float = 0.0
    empty_until: float = 0.0
    drawn_at: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Limits the requests of each key; for one event loop.

    Parameters
    ----------
    draw : callable
        Draws up to n tokens of a key from the shared bucket, and returns how many; runs in a thread.
    rate_per_s : float
        Refill rate of a bucket in tokens per second.
    burst : int
        Capacity of a bucket.
    """

    def __init__(self, draw: Callable[[str, int], int], *, rate_per_s: float, burst: int) -> None:
        self._draw = draw
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: OrderedDict[str, _LocalBucket] = OrderedDict()

    async def spend(self, name: str) -> None:
        """Spend one token of a key.

        Raises
        ------
        RequestError : the key is over its limit
        """
        bucket = self._buckets.setdefault(name, _LocalBucket())
        self._buckets.move_to_end(name)
        while len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1 and time.monotonic() >= bucket.empty_until:
            async with bucket.lock:
                if bucket.tokens < 1 and time.monotonic() >= bucket.empty_until:
                    await self._refill(name, bucket)
        if bucket.tokens < 1:
            raise RequestError(
                f"A key may make {self._rate_per_s:g} requests a second, and {self._burst} at once.",
                reason="rate",
                retry_after_s=1 / self._rate_per_s,
            )
        bucket.tokens -= 1

    async def _refill(self, name: str, bucket: _LocalBucket) -> None:
        wanted = max(1, min(self._burst, round(self._rate_per_s * _AHEAD_S)))
        try:
            drawn: float = await to_thread.run_sync(self._draw, name, wanted)
        except StoreError:  # read requests must work while the store cannot be written
            drawn = min(wanted, (time.monotonic() - bucket.drawn_at) * self._rate_per_s)
        now = time.monotonic()
        bucket.drawn_at = now
        bucket.tokens += drawn
        if bucket.tokens < 1:
            bucket.empty_until = now + min(_AHEAD_S, 1 / self._rate_per_s)
