"""What all requests share: the model, the store, the decoders, the queue, and who watches over them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from starlette.requests import HTTPConnection

from auricle.errors import AuricleError, StoreError
from auricle.serving.active_model import ActiveModel
from auricle.serving.admission import AdmissionControl
from auricle.serving.decoder.pool import DECODER_PROGRAM, DecoderPool
from auricle.serving.http.auth import Authenticator
from auricle.serving.http.body import MemoryBudget
from auricle.serving.http.rate_limits import RateLimits
from auricle.serving.settings import Settings
from auricle.serving.telemetry import Metrics
from auricle.store.predictions.writer import Writer

if TYPE_CHECKING:
    from auricle.store.store import Store

__all__ = ["Service", "open_service", "running", "get_service"]

_LOG: Final = logging.getLogger("auricle.serving")
_SESSIONS_S: Final = 5.0
_SWEEP_S: Final = 600.0
_LIVE_THREADS: Final = 2


@dataclass(slots=True)
class Service:
    """One process's share of the server; everything in it ends with `close`."""

    settings: Settings
    store: "Store"
    writer: Writer
    champion: ActiveModel
    decoders: DecoderPool
    admission: AdmissionControl
    live: ThreadPoolExecutor
    """Threads of streams, so that no stream waits behind a long recording."""
    authenticator: Authenticator
    rate_limits: RateLimits
    memory_budget: MemoryBudget
    metrics: Metrics
    sessions: set[str] = field(default_factory=set)
    """Streams that are open in this process."""
    is_stopping: bool = False

    async def watch(self) -> None:
        """Follow the champion, the keys and the sessions until cancelled; what fails is tried again."""
        seen = swept = time.monotonic()
        while True:
            await asyncio.sleep(self.settings.model_poll_s)
            present = time.monotonic()
            try:
                await self.follow()
                if self.sessions and present - seen >= _SESSIONS_S:
                    await to_thread.run_sync(self.store.rate_limits.refresh_sessions, tuple(self.sessions))
                    seen = present
                if present - swept >= _SWEEP_S:
                    await to_thread.run_sync(self.store.sweep, self.settings.keep())
                    swept = present
            except StoreError as error:
                _LOG.warning("the store cannot be used", extra={"problem": str(error)})
            except Exception:  # noqa: BLE001  (whatever it is, the server must go on following)
                _LOG.exception("watching failed")

    async def follow(self) -> None:
        """Look once whether there is another champion, and whether there are keys now.

        Raises
        ------
        StoreError : the store cannot be read
        """
        if self.authenticator.is_open:
            self.authenticator.is_open = not await to_thread.run_sync(self.store.keys.all)
        if await to_thread.run_sync(self.champion.look):
            self.metrics.swaps.inc()
        self.metrics.model_problem.set(self.champion.problem is not None)

    def close(self) -> None:
        """Finish what is in work, keep what was answered, and end the threads and processes."""
        self.admission.close()
        self.live.shutdown()
        self.writer.close()
        self.decoders.close()


def open_service(settings: Settings, store: "Store", name: str, *, decoder: Sequence[str] = DECODER_PROGRAM) -> Service:
    """Load the champion and start threads and processes.

    Parameters
    ----------
    settings : every setting
    store : stays the caller's to close
    name : of the model that answers
    decoder : the program that decodes

    Raises
    ------
    UsageError : not on Linux, or keys are needed and there are none
    MissingError, BundleError : there is no champion, or it cannot be used
    StoreError : the store cannot be used
    WorkerError : the decoding processes cannot start
    """
    with ThreadPoolExecutor(1) as aside:  # the nursery imports on another core while we load the model
        starting = aside.submit(DecoderPool, settings.decoding(), size=settings.decoders, program=decoder)
        try:
            champion = ActiveModel(store.models, name)
            is_open = not store.keys.all()
        except BaseException:
            with contextlib.suppress(AuricleError):
                starting.result().close()
            raise
        decoders = starting.result()

    def draw(key: str, wanted: int) -> int:
        return store.rate_limits.draw(key, wanted, rate_per_s=settings.rate_per_s, burst=settings.rate_burst)

    return Service(
        settings=settings,
        store=store,
        writer=Writer(store.database, linger_s=0.0, capacity=settings.max_pending),
        champion=champion,
        decoders=decoders,
        admission=AdmissionControl(threads=settings.threads, max_waiting=settings.max_waiting, max_wait_s=settings.max_wait_s),
        live=ThreadPoolExecutor(_LIVE_THREADS, thread_name_prefix="stream"),
        authenticator=Authenticator(store.keys.verify, settings, is_open=is_open),
        rate_limits=RateLimits(draw, rate_per_s=settings.rate_per_s, burst=settings.rate_burst),
        memory_budget=MemoryBudget(settings.max_bodies_bytes),
        metrics=Metrics(),
    )


def get_service(connection: HTTPConnection) -> Service:
    """Return the service that a request is for."""
    service: Service = connection.app.state.service
    return service


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Watch over a service for the length of a block, and close it."""
    watch = asyncio.create_task(service.watch())
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        with contextlib.suppress(AuricleError):
            await to_thread.run_sync(service.close)
