"""Who may do what: bearer keys, looked up once in a while, and addresses that guess are slowed down."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from anyio import to_thread

from auricle import clock
from auricle.errors import RequestError
from auricle.serving.limits import Limits
from auricle.store.keys import SCOPES, Key

__all__ = ["Caller", "Doorman"]

T = TypeVar("T")

_TOKEN: Final = re.compile(r"aud_[a-z2-7]{8}_[A-Za-z0-9_-]{43}")
_MOST_REMEMBERED: Final = 10_000
_SLOWED_S: Final = 1.0
_MOST_SLOWED: Final = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    key : id of the API key; empty where none is needed
    scopes : what it may
    """

    key: str
    scopes: frozenset[str]

    def check(self, scope: str) -> None:
        """See that the caller may do something.

        Raises
        ------
        RequestError : it may not
        """
        if scope not in self.scopes:
            raise RequestError(
                f"This needs a key with the scope {scope}. The key {self.key} has {', '.join(sorted(self.scopes))}.",
                reason="forbidden",
            )


_ANYBODY: Final = Caller("", frozenset(SCOPES))


class Doorman:
    """Tells callers by their keys; for one event loop.

    Parameters
    ----------
    verify : finds the key of a token, in a thread
    limits : how long what was found counts, and how many failures an address may have
    is_open : whether keys are asked for at all; `is_open` may be changed at any time
    """

    def __init__(self, verify: Callable[[str], Key | None], limits: Limits, *, is_open: bool) -> None:
        self.is_open = is_open
        self._verify = verify
        self._limits = limits
        self._known: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._n_slowed = 0

    async def admit(self, authorization: str | None, address: str) -> Caller:
        """Return who asks, by the request's header ``Authorization``.

        Raises
        ------
        RequestError : no key, or one that is unknown, expired or revoked; or too many such from one address
        StoreError : keys cannot be looked up
        """
        if self.is_open:
            return _ANYBODY
        scheme, _, token = (authorization or "").partition(" ")
        if not authorization:
            raise RequestError("This needs a key: `Authorization: Bearer aud_…`.", reason="unauthorized")
        token = token.strip()
        key = None
        if scheme.lower() == "bearer" and _TOKEN.fullmatch(token):
            key = await self._find(token)
        if key is None or not key.is_valid(clock.now()):
            await self._slow_down(address)
            raise RequestError("The key is unknown, expired or revoked.", reason="unauthorized")
        return Caller(key.id, key.scopes)

    async def _find(self, token: str) -> Key | None:
        # By the whole token: a right id with a wrong secret must not be taken for the key, nor push it out.
        found = self._known.get(token)
        if found is not None and time.monotonic() - found[0] < self._limits.key_cache_s:
            return found[1]
        asked = time.monotonic()
        key = await to_thread.run_sync(self._verify, token)
        if key is not None:
            _remember(self._known, token, (asked, key))
        return key

    async def _slow_down(self, address: str) -> None:
        """Let an address that fails again and again wait, and then refuse it."""
        per_s = self._limits.failures_per_min / 60
        present = time.monotonic()
        last, count = self._failures.get(address, (present, 0.0))
        count = max(0.0, count - (present - last) * per_s) + 1
        _remember(self._failures, address, (present, count))
        if count <= self._limits.failures_per_min:
            return
        if self._n_slowed < _MOST_SLOWED:
            self._n_slowed += 1
            try:
                await asyncio.sleep(_SLOWED_S)
            finally:
                self._n_slowed -= 1
        raise RequestError("Too many keys from this address were wrong.", reason="rate", retry_after_s=1 / per_s + 1)


def _remember(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory[name] = value
    memory.move_to_end(name)
    while len(memory) > _MOST_REMEMBERED:
        memory.popitem(last=False)
