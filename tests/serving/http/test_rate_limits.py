import asyncio
import contextlib
import time

import pytest

from auricle.errors import RequestError, StoreError
from auricle.serving.http.rate_limits import RateLimits


class Bucket:
    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.draws = 0

    def draw(self, _: str, wanted: int) -> int:
        self.draws += 1
        given = min(wanted, self.tokens)
        self.tokens -= given
        return given


def spend(rates: RateLimits, times: int) -> int:
    async def spend_all() -> int:
        passed = 0
        for _ in range(times):
            with contextlib.suppress(RequestError):
                await rates.spend("key")
                passed += 1
        return passed

    return asyncio.run(spend_all())


def test_tokens_are_drawn_in_advance() -> None:
    bucket = Bucket(25)
    assert spend(RateLimits(bucket.draw, rate_per_s=50, burst=20), 40) == 25
    assert bucket.draws <= 5


def test_processes_share_a_bucket() -> None:
    bucket = Bucket(25)
    siblings = [RateLimits(bucket.draw, rate_per_s=50, burst=20) for _ in range(3)]
    assert sum(spend(process, 40) for process in siblings) == 25


def test_concurrent_requests_draw_once() -> None:
    bucket = Bucket(10)
    rates = RateLimits(bucket.draw, rate_per_s=50, burst=10)

    async def spend_all() -> list[object]:
        return await asyncio.gather(*(rates.spend("key") for _ in range(10)), return_exceptions=True)

    assert asyncio.run(spend_all()) == [None] * 10
    assert bucket.draws == 1


def test_without_the_store_each_process_limits_locally() -> None:
    def broken(*_: object) -> int:
        raise StoreError("locked")

    rates = RateLimits(broken, rate_per_s=100, burst=10)
    assert spend(rates, 20) <= 2
    time.sleep(0.1)
    assert 1 <= spend(rates, 50) <= 20


def test_a_refusal_has_retry_after() -> None:
    rates = RateLimits(Bucket(0).draw, rate_per_s=0.5, burst=1)
    with pytest.raises(RequestError, match=r"0\.5 requests a second, and 1 at once") as refused:
        asyncio.run(rates.spend("key"))
    assert (refused.value.reason, refused.value.retry_after_s) == ("rate", 2)
