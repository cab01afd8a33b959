"""Rate limits that hold over all processes: each draws from the store's bucket a little ahead."""

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
_MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Purse:
    """What one process has drawn for one key and not yet spent."""

    tokens: float = 0.0
    empty_until: float = 0.0
    drawn: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Lets each key make so many requests a second; for one event loop.

    Parameters
    ----------
    draw : takes up to so many tokens of a name from what all processes share, in a thread, and returns how many it got
    rate_per_s : tokens that flow into each bucket
    burst : tokens that it holds
    """

    def __init__(self, draw: Callable[[str, int], int], *, rate_per_s: float, burst: int) -> None:
        self._draw = draw
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._purses: OrderedDict[str, _Purse] = OrderedDict()

    async def spend(self, name: str) -> None:
        """Let one request of a name pass.

        Raises
        ------
        RequestError : it came too soon
        """
        purse = self._purses.setdefault(name, _Purse())
        self._purses.move_to_end(name)
        while len(self._purses) > _MOST_REMEMBERED:
            self._purses.popitem(last=False)
        if purse.tokens < 1 and time.monotonic() >= purse.empty_until:
            async with purse.lock:
                if purse.tokens < 1 and time.monotonic() >= purse.empty_until:
                    await self._fill(name, purse)
        if purse.tokens < 1:
            raise RequestError(
                f"A key may make {self._rate_per_s:g} requests a second, and {self._burst} at once.",
                reason="rate",
                retry_after_s=1 / self._rate_per_s,
            )
        purse.tokens -= 1

    async def _fill(self, name: str, purse: _Purse) -> None:
        wanted = max(1, min(self._burst, round(self._rate_per_s * _AHEAD_S)))
        try:
            got: float = await to_thread.run_sync(self._draw, name, wanted)
        except StoreError:  # what only reads must go on where the store cannot be written
            got = min(wanted, (time.monotonic() - purse.drawn) * self._rate_per_s)
        present = time.monotonic()
        purse.drawn = present
        purse.tokens += got
        if purse.tokens < 1:
            purse.empty_until = present + min(_AHEAD_S, 1 / self._rate_per_s)
