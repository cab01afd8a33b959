import asyncio
import time
from datetime import timedelta

import pytest

from auricle.errors import RequestError
from auricle.runtime import clock
from auricle.serving.http.auth import Authenticator
from auricle.serving.settings import Settings
from auricle.store.keys import Key

TOKEN = "aud_abcdefgh_" + "s" * 43


class Keys:
    """One key, and how often it was looked up."""

    def __init__(self) -> None:
        self.key = Key("abcdefgh", "Ada", frozenset({"read"}), clock.now())
        self.n_lookups = 0

    def verify(self, token: str) -> Key | None:
        self.n_lookups += 1
        return self.key if token == TOKEN else None


def authenticate(authenticator: Authenticator, authorization: str | None, times: int = 1) -> str:
    async def authenticate_all() -> str:
        for _ in range(times - 1):
            await authenticator.authenticate(authorization, "10.0.0.1")
        return (await authenticator.authenticate(authorization, "10.0.0.1")).key

    return asyncio.run(authenticate_all())


def test_keys_are_cached_briefly() -> None:
    keys = Keys()
    authenticator = Authenticator(keys.verify, Settings(key_cache_s=0.2), is_open=False)
    assert authenticate(authenticator, f"Bearer {TOKEN}", times=5) == "abcdefgh"
    assert keys.n_lookups == 1
    time.sleep(0.25)
    assert authenticate(authenticator, f"bearer {TOKEN}") == "abcdefgh"
    assert keys.n_lookups == 2


def test_revoked_and_expired_keys_are_refused() -> None:
    keys = Keys()
    authenticator = Authenticator(keys.verify, Settings(key_cache_s=0.05), is_open=False)
    authenticate(authenticator, f"Bearer {TOKEN}")
    keys.key = None
    time.sleep(0.06)
    with pytest.raises(RequestError, match="unknown, expired or revoked"):
        authenticate(authenticator, f"Bearer {TOKEN}")
    ending = Keys()
    ending.key = Key("abcdefgh", "", frozenset(), clock.now(), clock.now() + timedelta(seconds=0.1))
    authenticator = Authenticator(ending.verify, Settings(key_cache_s=5), is_open=False)
    authenticate(authenticator, f"Bearer {TOKEN}")
    time.sleep(0.12)
    with pytest.raises(RequestError, match="unknown, expired or revoked"):
        authenticate(authenticator, f"Bearer {TOKEN}")
    assert ending.n_lookups == 1


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer " + "x" * 9999]
)
def test_malformed_keys_are_not_looked_up(text: str) -> None:
    keys = Keys()
    authenticator = Authenticator(keys.verify, Settings(), is_open=False)
    with pytest.raises(RequestError):
        authenticate(authenticator, text)
    assert keys.n_lookups == 0


def test_an_address_that_guesses_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auricle.serving.http.auth._DELAY_S", 0.01)
    authenticator = Authenticator(Keys().verify, Settings(failures_per_min=3), is_open=False)
    reasons = []
    for i in range(5):
        with pytest.raises(RequestError) as refused:
            authenticate(authenticator, "Bearer aud_abcdefgh_" + str(i) * 43)
        reasons.append(refused.value.reason)
    assert reasons == ["unauthorized"] * 3 + ["rate"] * 2
    assert authenticate(authenticator, f"Bearer {TOKEN}") == "abcdefgh"  # one who has a key is let in all the same


def test_an_open_server_needs_no_key() -> None:
    authenticator = Authenticator(Keys().verify, Settings(), is_open=True)
    assert authenticate(authenticator, None) == ""
