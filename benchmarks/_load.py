"""Lightweight HTTP load clients, which share the cores with the server under test."""

import asyncio
import gc
import json
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Replies", "closed_loop", "count", "open_loop", "probe", "request", "send"]


@dataclass(slots=True)
class Replies:
    """Statuses, latencies and ids of replies."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Latencies of accepted requests."""
    ids: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies."""
        if len(self.seconds) < 2:
            return self.seconds[0] if self.seconds else float("nan")
        return statistics.quantiles(self.seconds, n=1000, method="inclusive")[round(percent * 10) - 1]


def request(method: str, path: str, port: int, body: bytes = b"", kind: str = "application/octet-stream") -> bytes:
    """Return the bytes of a request."""
    head = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Type: {kind}")
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[int, bytes]:
    """Send a request and return the status and body of the reply."""
    writer.write(content)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


async def closed_loop(port: int, content: bytes, *, connections: int, seconds: float) -> Replies:
    """Send requests back to back over several connections."""
    replies = Replies()
    until = time.perf_counter() + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            status, body = await send(reader, writer, content)
            count(replies, status, body, time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    replies.wall_s = time.perf_counter() - began
    return replies


async def open_loop(port: int, content: bytes, *, rate: float, seconds: float, connections: int = 256) -> Replies:
    """Send requests at a fixed rate, independent of replies; a request without a free connection waits for one."""
    gc.disable()  # a collection would pause the load and then send a burst
    replies = Replies()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(None)

    async def send_one() -> None:
        pair = await free.get()
        try:
            pair = pair or await asyncio.open_connection("127.0.0.1", port)
            sent = time.perf_counter()
            status, body = await send(*pair, content)
            count(replies, status, body, time.perf_counter() - sent)
        except (OSError, asyncio.IncompleteReadError):
            replies.statuses[0] += 1
            pair = None
        free.put_nowait(pair)

    began = time.perf_counter()
    tasks = []
    for index in range(round(rate * seconds)):
        if (wait := began + index / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(send_one()))
    await asyncio.gather(*tasks)
    gc.enable()
    replies.wall_s = time.perf_counter() - began
    while not free.empty():
        if (pair := free.get_nowait()) is not None:
            pair[1].close()
    return replies


async def probe(port: int, seconds: float, *, every_s: float = 0.05) -> list[float]:
    """Request /healthz periodically, and return the latencies in seconds; runs in its own process."""
    latencies_s = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await send(reader, writer, request("GET", "/healthz", port))
        latencies_s.append(time.perf_counter() - began)
        await asyncio.sleep(every_s)
    writer.close()
    return latencies_s


def count(replies: Replies, status: int, body: bytes, seconds: float) -> None:
    """Record a reply."""
    replies.statuses[status] += 1
    if status in (200, 201):
        replies.seconds.append(seconds)
        if status == 201:
            replies.ids.append(json.loads(body)["id"])


if __name__ == "__main__":
    json.dump(asyncio.run(probe(int(sys.argv[1]), float(sys.argv[2]))), sys.stdout)
