"""Clients that cost little, since they share the cores with the server that they measure."""

import asyncio
import gc
import json
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Seen", "ask", "closed", "note", "open_loop", "probe", "request"]


@dataclass(slots=True)
class Seen:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of those that were accepted."""
    ids: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    def percentile(self, percent: float) -> float:
        """Return a percentile of the seconds."""
        if len(self.seconds) < 2:
            return self.seconds[0] if self.seconds else float("nan")
        return statistics.quantiles(self.seconds, n=1000, method="inclusive")[round(percent * 10) - 1]


def request(method: str, path: str, port: int, body: bytes = b"", kind: str = "application/octet-stream") -> bytes:
    """Return the bytes of a request."""
    head = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Type: {kind}")
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[int, bytes]:
    """Send a request and return the status and body of the reply."""
    writer.write(content)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


async def closed(port: int, content: bytes, *, connections: int, seconds: float) -> Seen:
    """Ask without pause over some connections."""
    seen = Seen()
    until = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            status, body = await ask(reader, writer, content)
            note(seen, status, body, time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    seen.wall_s = time.perf_counter() - began
    return seen


async def open_loop(port: int, content: bytes, *, rate: float, seconds: float, connections: int = 256) -> Seen:
    """Ask at a rate, whether or not replies come; what finds no free connection within it waits for one."""
    gc.disable()  # while it looked for garbage it would ask nothing, and then for a hundred at once
    seen = Seen()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(None)

    async def one() -> None:
        pair = await free.get()
        try:
            pair = pair or await asyncio.open_connection("127.0.0.1", port)
            asked = time.perf_counter()
            status, body = await ask(*pair, content)
            note(seen, status, body, time.perf_counter() - asked)
        except (OSError, asyncio.IncompleteReadError):
            seen.statuses[0] += 1
            pair = None
        free.put_nowait(pair)

    began = time.perf_counter()
    tasks = []
    for index in range(round(rate * seconds)):
        if (wait := began + index / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    gc.enable()
    seen.wall_s = time.perf_counter() - began
    while not free.empty():
        if (pair := free.get_nowait()) is not None:
            pair[1].close()
    return seen


async def probe(port: int, seconds: float, *, every_s: float = 0.05) -> list[float]:
    """Ask for /healthz again and again, and return how long each took; runs in a process of its own."""
    took = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await ask(reader, writer, request("GET", "/healthz", port))
        took.append(time.perf_counter() - began)
        await asyncio.sleep(every_s)
    writer.close()
    return took


def note(seen: Seen, status: int, body: bytes, seconds: float) -> None:
    """Count a reply."""
    seen.statuses[status] += 1
    if status in (200, 201):
        seen.seconds.append(seconds)
        if status == 201:
            seen.ids.append(json.loads(body)["id"])


if __name__ == "__main__":
    json.dump(asyncio.run(probe(int(sys.argv[1]), float(sys.argv[2]))), sys.stdout)
