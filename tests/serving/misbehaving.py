"""A decoding program that misbehaves if the first bytes of a sound command it; otherwise the real one."""

import ctypes
import math
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from auricle.serving.decoder import process
from auricle.serving.decoder.messages import DecodeLimits, Header

original_decode = process.decode


def crash() -> None:
    ctypes.string_at(0)  # as a flaw of a decoder does


def exhaust_memory() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))


def spin() -> None:
    while True:
        pass


def write() -> None:
    Path("/loot").write_bytes(b"x")


BEHAVIOURS: dict[bytes, Callable[[], object]] = {
    b"CRASH": crash,
    b"HANG": lambda: time.sleep(3600),
    b"SPIN": spin,
    b"EAT": exhaust_memory,
    b"FORK": os.fork,
    b"WRITE": write,
}


def decode(source: int, target: int, limits: DecodeLimits, long_s: float = math.inf, channel: str = "mean") -> None:
    command = os.pread(source, 16, 0).split(b" ")[0]
    if command in BEHAVIOURS:
        BEHAVIOURS[command]()
    elif command == b"LIE":
        os.pwrite(target, Header(16_000, 1, 1_000).pack(), 0)
    elif command == b"GROW":
        os.pwrite(target, Header(16_000, 1, 1_000).pack() + bytes(4 * 1_000 + 1), 0)
    elif command == b"SHRINK":
        os.pwrite(target, Header(16_000, 1, 1_000).pack() + bytes(4 * 1_000), 0)
        os.ftruncate(target, 0)
    elif command == b"NAN":
        os.pwrite(target, Header(16_000, 1, 4).pack() + struct.pack("<4f", 0.0, 0.1, float("nan"), 0.1), 0)
    else:
        original_decode(source, target, limits, long_s, channel)


if __name__ == "__main__":
    process.decode = decode
    process.main()
