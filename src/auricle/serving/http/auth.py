"""Authenticate bearer keys with a short cache, check scopes, and slow down addresses that guess keys."""

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
_CACHE_SIZE: Final = 10_000
_DELAY_S: Final = 1.0
_MAX_DELAYED: Final = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated sender of a request.

    Parameters
    ----------
    key : str
        Id of the API key; empty on a server without keys.
    scopes : frozenset of str
    """

    key: str
    scopes: frozenset[str]

    def check(self, scope: str) -> None:
        """Check that the caller has a scope.

        Raises
        ------
        RequestError : the scope is missing
        """
        if scope not in self.scopes:
            raise RequestError(
                f"This needs a key with the scope {scope}. The key {self.key} has {', '.join(sorted(self.scopes))}.",
                reason="forbidden",
            )


_ANONYMOUS: Final = Caller("", frozenset(SCOPES))


class Authenticator:
    """Authenticates requests by their bearer keys; for one event loop.

    Parameters
    ----------
    verify : callable
        Returns the key of a token, or None; runs in a thread.
    settings : Settings
        Lifetime of the cache, and allowed failures per address.
    is_open : bool
        Accept requests without keys; the attribute may be changed at any time.
    """

    def __init__(self, verify: Callable[[str], Key | None], settings: Settings, *, is_open: bool) -> None:
        self.is_open = is_open
        self._verify = verify
        self._settings = settings
        self._cache: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._n_delayed = 0

    async def authenticate(self, authorization: str | None, address: str) -> Caller:
        """Return the caller of a request by its header ``Authorization``.

        Raises
        ------
        RequestError : the key is missing, unknown, expired or revoked; or the address has failed too often
        StoreError : keys cannot be looked up
        """
        if self.is_open:
            return _ANONYMOUS
        scheme, _, token = (authorization or "").partition(" ")
        if not authorization:
            raise RequestError("This needs a key: `Authorization: Bearer aud_…`.", reason="unauthorized")
        token = token.strip()
        key = None
        if scheme.lower() == "bearer" and _TOKEN.fullmatch(token):
            key = self._cached(token) or await self._look_up(token, address)
        if key is None or not key.is_valid(clock.now()):
            self._count_failure(address)
            raise RequestError("The key is unknown, expired or revoked.", reason="unauthorized")
        return Caller(key.id, key.scopes)

    def _cached(self, token: str) -> Key | None:
        # Cached by the whole token: a right id with a wrong secret must neither pass for the key nor evict it.
        verified_at, key = self._cache.get(token, (-math.inf, None))
        return key if time.monotonic() - verified_at < self._settings.key_cache_s else None

    async def _look_up(self, token: str, address: str) -> Key | None:
        """Look a key up in the store, after a delay if the address has failed too often."""
        if self._n_failures(address) >= self._settings.failures_per_min:
            if self._n_delayed >= _MAX_DELAYED:
                raise self._too_many_failures()
            self._n_delayed += 1
            try:
                await asyncio.sleep(_DELAY_S)
            finally:
                self._n_delayed -= 1
        verified_at = time.monotonic()
        key = await to_thread.run_sync(self._verify, token)
        if key is not None:
            _put_recent(self._cache, token, (verified_at, key))
        return key

    def _count_failure(self, address: str) -> None:
        """Count a failure.

        Raises
        ------
        RequestError : the address has failed too often
        """
        failures = self._n_failures(address)
        _put_recent(self._failures, address, (time.monotonic(), failures + 1))
        if failures >= self._settings.failures_per_min:
            raise self._too_many_failures()

    def _n_failures(self, address: str) -> int:
        """Return the failures of an address; they expire at the rate at which they are allowed."""
        last, count = self._failures.get(address, (0.0, 0.0))
        return math.ceil(max(0.0, count - (time.monotonic() - last) * self._settings.failures_per_min / 60))

    def _too_many_failures(self) -> RequestError:
        wait_s = 60 / self._settings.failures_per_min + _DELAY_S
        return RequestError("Too many keys from this address were wrong.", reason="rate", retry_after_s=wait_s)


def _put_recent(cache: OrderedDict[str, T], name: str, value: T) -> None:
    cache[name] = value
    cache.move_to_end(name)
    while len(cache) > _CACHE_SIZE:
        cache.popitem(last=False)
