"""Who may do what: bearer keys, looked up once in a while, and addresses that guess are slowed down."""

import asyncio
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from anyio import to_thread

from auricle.errors import RequestError
from auricle.runtime import clock
from auricle.serving.settings import Settings
from auricle.store.keys import SCOPES, Key

__all__ = ["Authenticator", "Caller"]

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


class Authenticator:
    """Tells callers by their keys; for one event loop.

    Parameters
    ----------
    verify : finds the key of a token, in a thread
    settings : how long what was found counts, and how many failures an address may have
    is_open : whether keys are asked for at all; `is_open` may be changed at any time
    """

    def __init__(self, verify: Callable[[str], Key | None], settings: Settings, *, is_open: bool) -> None:
        self.is_open = is_open
        self._verify = verify
        self._settings = settings
        self._known: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._n_slowed = 0

    async def authenticate(self, authorization: str | None, address: str) -> Caller:
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
            key = self._remembered(token) or await self._find(token, address)
        if key is None or not key.is_valid(clock.now()):
            self._count(address)
            raise RequestError("The key is unknown, expired or revoked.", reason="unauthorized")
        return Caller(key.id, key.scopes)

    def _remembered(self, token: str) -> Key | None:
        # By the whole token: a right id with a wrong secret must not be taken for the key, nor push it out.
        asked, key = self._known.get(token, (-math.inf, None))
        return key if time.monotonic() - asked < self._settings.key_cache_s else None

    async def _find(self, token: str, address: str) -> Key | None:
        """Look a key up in the store; an address that has failed too often waits first, whoever asks from there."""
        if self._n_failures(address) >= self._settings.failures_per_min:
            if self._n_slowed >= _MOST_SLOWED:
                raise self._too_many()
            self._n_slowed += 1
            try:
                await asyncio.sleep(_SLOWED_S)
            finally:
                self._n_slowed -= 1
        asked = time.monotonic()
        key = await to_thread.run_sync(self._verify, token)
        if key is not None:
            _remember(self._known, token, (asked, key))
        return key

    def _count(self, address: str) -> None:
        """Count a failure.

        Raises
        ------
        RequestError : there were too many
        """
        failures = self._n_failures(address)
        _remember(self._failures, address, (time.monotonic(), failures + 1))
        if failures >= self._settings.failures_per_min:
            raise self._too_many()

    def _n_failures(self, address: str) -> int:
        """Return how many failures count; they are forgotten one by one."""
        last, count = self._failures.get(address, (0.0, 0.0))
        return math.ceil(max(0.0, count - (time.monotonic() - last) * self._settings.failures_per_min / 60))

    def _too_many(self) -> RequestError:
        wait_s = 60 / self._settings.failures_per_min + _SLOWED_S
        return RequestError("Too many keys from this address were wrong.", reason="rate", retry_after_s=wait_s)


def _remember(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory[name] = value
    memory.move_to_end(name)
    while len(memory) > _MOST_REMEMBERED:
        memory.popitem(last=False)
