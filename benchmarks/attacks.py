"""Benchmark of the server under attack: what valid requests, memory and health look like meanwhile, and after.

Each attack runs from eight connections of a process of its own, at the lowest priority, because on a real network it
would not take the server's cores. A valid client sends one-second sounds all the while, twenty a second at most. Quiet
figures come from the same server before the attack, and ``after`` from the same after it. A second server of each
attack gets SIGTERM in the middle.
"""

import argparse
import asyncio
import io
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
from _load import Replies as Found
from _load import count, request, send
from _server import Ours, memory_mb
from serving import train_models

CONNECTIONS = 8
BUDGET_MB = 1_000
"""``max_bodies_bytes``, the decoders' own memory, and the interpreter's."""


def opus(seconds: float, level: float = 0.1) -> bytes:
    noise = level * np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    soundfile.write(content := io.BytesIO(), noise.clip(-1, 1), 16_000, format="OGG", subtype="OPUS")
    return content.getvalue()


def sounds_with(query: str, seconds: float, level: float = 0.1) -> Callable[[int, float], None]:
    """Send one sound again and again."""

    def attack(port: int, until: float) -> None:
        content = request("POST", f"/v1/predictions{query}", port, opus(seconds, level))
        repeat(port, until, content)

    return attack


def repeat(port: int, until: float, *contents: bytes) -> None:
    async def connection(index: int) -> None:
        while time.time() < until:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                while time.time() < until:
                    await asyncio.wait_for(send(reader, writer, contents[index % len(contents)]), 120)
                    index += 1
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                await asyncio.sleep(0.01)

    async def all_of_them() -> None:
        await asyncio.gather(*(connection(index) for index in range(CONNECTIONS)))

    asyncio.run(all_of_them())


def listings(port: int, until: float) -> None:
    targets = ("/v1/predictions?limit=500", "/v1/review?limit=200", "/v1/models?limit=500", "/metrics")
    repeat(port, until, *(request("GET", target, port) for target in targets))


def methods(port: int, until: float) -> None:
    repeat(port, until, *(request(f"M{n}", "/healthz", port) for n in range(5000)))


def garbage(port: int, until: float) -> None:
    import socket

    def connection(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - no secret
        while time.time() < until:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
                    head = b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n"
                    plain.sendall(rng.choice((head, b"", head[:60])) + rng.randbytes(rng.randrange(20_000)))
                    plain.recv(1000)
            except OSError:
                pass

    in_threads(connection)


def slow_bodies(port: int, until: float) -> None:
    import socket

    def connection(_: int) -> None:
        while time.time() < until:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
                    plain.sendall(
                        b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20000000\r\n\r\n"
                    )
                    while time.time() < until:
                        plain.sendall(bytes(2000))
                        time.sleep(0.5)
            except OSError:
                pass

    in_threads(connection)


def streams(query: str, *, is_read: bool) -> Callable[[int, float], None]:
    """Push sound into streams as fast as they take it, and read what comes, or not."""

    def attack(port: int, until: float) -> None:
        from websockets.sync.client import connect

        content = (3000 * np.random.default_rng(0).standard_normal(400_000)).astype("<i2").tobytes()

        def connection(_: int) -> None:
            while time.time() < until:
                try:
                    url = f"ws://127.0.0.1:{port}/v1/streams?{query}"
                    with connect(url, compression=None, max_queue=None if is_read else 1, close_timeout=0.1) as stream:
                        while time.time() < until:
                            stream.send(content)
                            if is_read:
                                stream.recv(timeout=5)
                except Exception:  # noqa: BLE001 - refused, closed, timed out: an attack goes on
                    time.sleep(0.05)

        in_threads(connection)

    return attack


def in_threads(connection: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=connection, args=(n,), daemon=True) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ATTACKS: dict[str, Callable[[int, float], None]] = {
    "tiny_hops": sounds_with("?hop_s=0.008", 300),
    "windows": sounds_with("?windows=true&hop_s=0.05", 300),
    "long_sounds": sounds_with("", 600),
    "silence": sounds_with("?events=true", 600, 0.0),
    "listings": listings,
    "methods": methods,
    "garbage": garbage,
    "slow_bodies": slow_bodies,
    "streams_384_khz": streams("rate_hz=384000", is_read=True),
    "streams_unread": streams("rate_hz=8000&hop_s=0.05", is_read=False),
}


async def valid(port: int, content: bytes, seconds: float) -> tuple[Found, list[float]]:
    """Send valid sounds, at most twenty a second, and ask for health between them."""
    replies, health_s, until = Found(), [], time.perf_counter() + seconds
    health = request("GET", "/healthz", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        status, body = await send(reader, writer, content)
        count(replies, status, body, time.perf_counter() - began)
        asked = time.perf_counter()
        await send(reader, writer, health)
        health_s.append(time.perf_counter() - asked)
        await asyncio.sleep(max(0.0, 0.05 - (time.perf_counter() - began)))
    writer.close()
    return replies, health_s


def attacked(name: str, port: int, seconds: float) -> "subprocess.Popen[bytes]":
    command = ["nice", "-n", "19", sys.executable, __file__, "--attack", name, str(port), str(seconds)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def measure(name: str, bundle: Path, sound: bytes, folder: Path, seconds: float) -> dict[str, Any]:
    ours = Ours(bundle, folder, name)
    largest_mb = 0.0
    with ours.running() as server:
        content = ours.request(sound)
        asyncio.run(valid(ours.port, content, 1.0))
        quiet, _ = asyncio.run(valid(ours.port, content, max(5.0, seconds / 4)))
        with attacked(name, ours.port, seconds):
            time.sleep(1.0)
            ends = threading.Event()

            def watch() -> None:
                nonlocal largest_mb
                while not ends.wait(0.2):
                    largest_mb = max(largest_mb, memory_mb(server.pid))

            watching = threading.Thread(target=watch)
            watching.start()
            during, health_s = asyncio.run(valid(ours.port, content, seconds - 2))
            ends.set()
            watching.join()
        time.sleep(2.0)
        after, _ = asyncio.run(valid(ours.port, content, max(5.0, seconds / 4)))
        after_mb = memory_mb(server.pid)
    stopping = Ours(bundle, folder, f"{name}_stop")
    acknowledged: list[str] = []
    with stopping.running() as server, attacked(name, stopping.port, 8.0):
        time.sleep(1.0)
        replies, _ = asyncio.run(valid(stopping.port, stopping.request(sound), 2.0))
        acknowledged += replies.ids
        began = time.perf_counter()
        server.send_signal(signal.SIGTERM)
        code = server.wait(120)
        stop_s = time.perf_counter() - began
    lost = len(set(acknowledged) - set(stopping.ids())) + len(set(quiet.ids + during.ids + after.ids) - set(ours.ids()))
    p99 = [1e3 * replies.percentile(99) for replies in (quiet, during, after)]
    refused = sum(n for status, n in during.statuses.items() if status != 201)
    return {
        f"{name}_quiet_p99_ms": round(p99[0], 1),
        f"{name}_p50_ms": round(1e3 * during.percentile(50), 1),
        f"{name}_p99_ms": round(p99[1], 1),
        f"{name}_p99_ratio": round(p99[1] / p99[0], 2),
        f"{name}_after_p99_ratio": round(p99[2] / p99[0], 2),
        f"{name}_refused": refused,
        f"{name}_sent": sum(during.statuses.values()),
        f"{name}_healthz_p99_ms": round(1e3 * statistics.quantiles(health_s, n=100)[98], 1),
        f"{name}_mb": round(largest_mb),
        f"{name}_after_mb": round(after_mb),
        f"{name}_stop_s": round(stop_s, 1),
        f"{name}_stop_code": code,
        f"{name}_lost": lost,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--short", action="store_true", help="10 s an attack in place of 60")
    parser.add_argument("--only", help="attacks, by comma")
    parser.add_argument("--attack", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        name, port, seconds = options.attack
        ATTACKS[name](int(port), time.time() + float(seconds))
        return
    found: dict[str, Any] = {}
    names = options.only.split(",") if options.only else list(ATTACKS)
    with tempfile.TemporaryDirectory(prefix="auricle-attacks-") as temporary:
        folder = Path(temporary)
        bundle, _, sounds = train_models(folder)
        for name in names:
            found |= measure(name, bundle, sounds[0], folder, 10.0 if options.short else 60.0)
            print(json.dumps({key: value for key, value in found.items() if key.startswith(name)}), file=sys.stderr)
    rows = []
    for name in names:
        rows += [
            (f"{name}: p99 under three times the quiet", found[f"{name}_p99_ratio"], found[f"{name}_p99_ratio"] < 3),
            (f"{name}: /healthz under 100 ms", found[f"{name}_healthz_p99_ms"], found[f"{name}_healthz_p99_ms"] < 100),
            (f"{name}: memory under {BUDGET_MB} MB", found[f"{name}_mb"], found[f"{name}_mb"] < BUDGET_MB),
            (f"{name}: gone within 30 s", found[f"{name}_stop_s"], found[f"{name}_stop_s"] <= 30),
            (f"{name}: nothing acknowledged is lost", found[f"{name}_lost"], found[f"{name}_lost"] == 0),
        ]
    if options.json:
        print(json.dumps(found | {"targets_met": sum(is_met for *_, is_met in rows), "targets": len(rows)}))
        return
    for target, measured, is_met in rows:
        print(f"{target:56} {'met' if is_met else 'MISSED':6} {measured}")


if __name__ == "__main__":
    main()
