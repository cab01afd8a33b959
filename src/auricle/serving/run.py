"""Run one server process on a bound socket, from start to graceful shutdown."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Final

import uvicorn

from auricle.serving import telemetry
from auricle.serving.app import create_app
from auricle.serving.decoder.pool import DECODER_PROGRAM
from auricle.serving.http.protocol import protocol
from auricle.serving.http.stream_protocol import StreamProtocol
from auricle.serving.service import Service, open_service
from auricle.serving.settings import Settings
from auricle.store.store import Store

__all__ = ["run"]

_ACCEPT_S: Final = 0.2
_SWITCH_S: Final = 0.0002
"""How long a thread may wait for another to give the interpreter up, in place of Python's 5 ms: a sound gives it up and
takes it again some thirty times."""
_MAX_HEAD_BYTES: Final = 32_768


def run(
    settings: Settings, store_url: str, name: str, listener: socket.socket, *, decoder: Sequence[str] = DECODER_PROGRAM
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight and return.

    Parameters
    ----------
    settings : Settings
    store_url : str
        Database of the predictions.
    name : str
        Name of the model.
    listener : socket
        Bound, and possibly shared with other server processes.
    decoder : sequence of str
        Command of the decoding program.

    Raises
    ------
    UsageError : the system is not Linux
    MissingError, BundleError : there is no champion, or it cannot be loaded
    StoreError : the store cannot be used
    WorkerError : the decoding processes cannot start
    """
    telemetry.configure_logging()
    early: list[int] = []  # signals that come before uvicorn listens to them; it re-raises later ones to these handlers
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: early.append(number))
    with Store.open(store_url, patience_s=settings.patience_s, answer_s=settings.answer_s) as store:
        service = open_service(settings, store, name, decoder=decoder)
        config = uvicorn.Config(
            create_app(service),
            http=protocol(service),
            ws=StreamProtocol,
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=max(1, round(settings.keep_alive_s)),
            timeout_graceful_shutdown=max(1, round(settings.drain_s)),
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            ws_max_size=settings.stream_message_bytes,
            ws_per_message_deflate=False,  # sound does not compress, and a client chooses the memory of inflating
        )
        # Imported modules and the model are permanent: collecting them would hold the interpreter's lock, and with it
        # /healthz, for a tenth of a second.
        sys.setswitchinterval(_SWITCH_S)
        gc.freeze()
        gc.enable()
        asyncio.run(_Server(config, service, early).serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """A server that accepts for a moment after the stop signal, for connections that are already on their way."""

    def __init__(self, config: uvicorn.Config, service: Service, early: Sequence[int]) -> None:
        super().__init__(config)
        self._service = service
        self._early = early

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.should_exit |= bool(self._early)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.stop()
        await asyncio.sleep(_ACCEPT_S)
        await super().shutdown(sockets)
