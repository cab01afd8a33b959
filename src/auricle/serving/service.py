"""The state shared by all requests of a server process: model, store, decoders, admission, keys, limits, metrics."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from starlette.requests import HTTPConnection

from auricle.errors import AuricleError, StoreError
from auricle.serving.decoder.pool import DECODER_PROGRAM, DecoderPool
from auricle.serving.decoder.sandbox import LONG_NICE, NICE
from auricle.serving.http.auth import Authenticator
from auricle.serving.http.rate_limits import RateLimits
from auricle.serving.inference.active_model import ActiveModel
from auricle.serving.inference.admission import AdmissionControl, BackgroundThreads
from auricle.serving.inference.memory import MemoryBudget
from auricle.serving.settings import Settings
from auricle.serving.telemetry import Metrics
from auricle.store.predictions.writer import Writer

if TYPE_CHECKING:
    from auricle.store.store import Store

__all__ = ["Service", "get_service", "lifespan", "open_service"]

_LOG: Final = logging.getLogger("auricle.serving")
_SESSIONS_S: Final = 5.0
_SWEEP_S: Final = 600.0
_STREAM_THREADS: Final = 2
_N_CONFINEMENTS: Final = 3
_DRAIN_SHARE: Final = 0.7  # the rest is for commits and replies


@dataclass(slots=True)
class Service:
    """The resources of one server process; `close` releases them."""

    settings: Settings
    store: "Store"
    writer: Writer
    active_model: ActiveModel
    decoders: DecoderPool
    admission: AdmissionControl
    read_threads: BackgroundThreads
    """One for all listings, which take the interpreter for long."""
    stream_threads: BackgroundThreads
    """Separate from the threads of recordings, so that no stream waits behind a long recording."""
    authenticator: Authenticator
    rate_limits: RateLimits
    memory_budget: MemoryBudget
    metrics: Metrics
    sessions: set[str] = field(default_factory=set)
    """Ids of the streams that are open in this process."""
    is_stopping: bool = False
    work_ends_at: float = math.inf
    """Until when work may last, on the clock of `time.monotonic`; finite once the server stops."""

    def stop(self) -> None:
        """Take no new work, and end what is in hand within the time that is promised for it."""
        self.is_stopping = True
        self.work_ends_at = time.monotonic() + _DRAIN_SHARE * self.settings.drain_s

    async def poll(self) -> None:
        """Refresh champion, keys and sessions, and apply retention, until cancelled; failures are retried."""
        refreshed_at = swept_at = time.monotonic()
        while True:
            await asyncio.sleep(self.settings.model_poll_s)
            now = time.monotonic()
            try:
                await self.refresh()
                if self.sessions and now - refreshed_at >= _SESSIONS_S:
                    await to_thread.run_sync(self.store.rate_limits.refresh_sessions, tuple(self.sessions))
                    refreshed_at = now
                if now - swept_at >= _SWEEP_S:
                    await to_thread.run_sync(self.store.sweep, self.settings.retention())
                    swept_at = now
            except StoreError as error:
                _LOG.warning("the store cannot be used", extra={"problem": str(error)})
            except Exception:  # noqa: BLE001  (the server must go on polling)
                _LOG.exception("polling failed")

    async def refresh(self) -> None:
        """Load a new champion, and require keys once the store has any.

        Raises
        ------
        StoreError : the store cannot be read
        """
        if self.authenticator.is_open:
            self.authenticator.is_open = not await to_thread.run_sync(self.store.keys.all)
        if await to_thread.run_sync(self.active_model.refresh):
            self.metrics.swaps.inc()
        self.metrics.model_problem.set(self.active_model.load_error is not None)

    def close(self) -> None:
        """Finish running work, commit its predictions, and end threads and processes."""
        self.admission.close()
        self.stream_threads.close()
        self.read_threads.close()
        self.writer.close()
        self.decoders.close()


def open_service(settings: Settings, store: "Store", name: str, *, decoder: Sequence[str] = DECODER_PROGRAM) -> Service:
    """Load the champion, and start threads and decoding processes.

    Parameters
    ----------
    settings : Settings
    store : Store
        Closed by the caller.
    name : str
        Name of the model.
    decoder : sequence of str
        Command of the decoding program.

    Raises
    ------
    UsageError : the system is not Linux
    MissingError, BundleError : there is no champion, or it cannot be loaded
    StoreError : the store cannot be used
    WorkerError : the decoding processes cannot start
    """
    with ThreadPoolExecutor(1) as starter:  # the fork server imports on another core while the model loads
        starting = starter.submit(DecoderPool, settings.decode_limits(), size=settings.decoders, program=decoder)
        try:
            active_model = ActiveModel(store.models, name)
            is_open = not store.keys.all()
        except BaseException:
            with contextlib.suppress(AuricleError):
                starting.result().close()
            raise
        decoders = starting.result()
    log = _LOG.info if len(decoders.confinement) == _N_CONFINEMENTS else _LOG.warning
    log("decoding processes are confined", extra={"by": list(decoders.confinement)})

    def draw(key: str, wanted: int) -> int:
        return store.rate_limits.draw(key, wanted, rate_per_s=settings.rate_per_s, burst=settings.rate_burst)

    admission = AdmissionControl(
        threads=settings.threads,
        max_waiting=settings.max_waiting,
        max_wait_s=settings.max_wait_s,
        max_long=settings.max_long,
    )
    return Service(
        settings=settings,
        store=store,
        writer=Writer(store.database, linger_s=0.0, capacity=settings.max_pending),
        active_model=active_model,
        decoders=decoders,
        admission=admission,
        read_threads=BackgroundThreads(1, "read", nice=LONG_NICE, sounds=admission),
        stream_threads=BackgroundThreads(_STREAM_THREADS, "stream", nice=NICE, sounds=admission),
        authenticator=Authenticator(store.keys.verify, settings, is_open=is_open),
        rate_limits=RateLimits(draw, rate_per_s=settings.rate_per_s, burst=settings.rate_burst),
        memory_budget=MemoryBudget(settings.max_bodies_bytes),
        metrics=Metrics(),
    )


def get_service(connection: HTTPConnection) -> Service:
    """Return the service of a request."""
    service: Service = connection.app.state.service
    return service


@contextlib.asynccontextmanager
async def lifespan(service: Service) -> AsyncIterator[None]:
    """Poll the store for the length of a block, then close the service."""
    polling = asyncio.create_task(service.poll())
    try:
        yield
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
        with contextlib.suppress(AuricleError):
            await to_thread.run_sync(service.close)
