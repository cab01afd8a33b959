"""A decoder that does harm where the first bytes of a sound ask for it; otherwise the honest one."""

import os
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

from auricle.serving.decoder import process
from auricle.serving.decoder.messages import DecodeLimits, Header

honest = process.decode


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def eat() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))


def spin() -> None:
    while True:
        pass


def write() -> None:
    Path("/loot").write_bytes(b"x")


HARM: dict[bytes, Callable[[], object]] = {
    b"CRASH": crash,
    b"HANG": lambda: time.sleep(3600),
    b"SPIN": spin,
    b"EAT": eat,
    b"FORK": os.fork,
    b"WRITE": write,
}


def decode(source: int, target: int, settings: DecodeLimits) -> None:
    wish = os.pread(source, 16, 0).split(b" ")[0]
    if wish in HARM:
        HARM[wish]()
    elif wish == b"LIE":
        os.pwrite(target, Header(16_000, 1, 1_000).pack(), 0)
    elif wish == b"GROW":
        os.pwrite(target, Header(16_000, 1, 1_000).pack() + bytes(4 * 1_000 + 1), 0)
    elif wish == b"SHRINK":
        os.pwrite(target, Header(16_000, 1, 1_000).pack() + bytes(4 * 1_000), 0)
        os.ftruncate(target, 0)
    elif wish == b"NAN":
        os.pwrite(target, Header(16_000, 1, 4).pack() + struct.pack("<4f", 0.0, 0.1, float("nan"), 0.1), 0)
    else:
        honest(source, target, settings)


if __name__ == "__main__":
    process.decode = decode
    process.main()
