"""What the server and its decoding processes say to each other: fixed structures, never pickles, checked by both."""

import os
import struct
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "HEADER",
    "MAX_PACKET_BYTES",
    "REQUEST",
    "DecodeLimits",
    "Header",
    "DecodeReply",
    "pack_request",
    "pack_reply",
    "unpack_request",
    "unpack_reply",
]

_MAGIC: Final = b"AURD"
_VERSION: Final = 1

REQUEST: Final = struct.Struct("<4sIQ")
"""Magic, version, and the number of the job; two descriptors come with it: the sound, and where the samples go."""

HEADER: Final = struct.Struct("<4sIIIQ")
"""What stands before the samples: magic, version, rate, channels, number of samples."""

_VERDICT: Final = struct.Struct("<4sIQB")
_KINDS: Final = ("ok", "audio", "limit", "worker")

MAX_PACKET_BYTES: Final = 4096

ReplyKind = Literal["ok", "audio", "limit", "worker"]


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a sound may be, and what decoding it may take.

    Parameters
    ----------
    max_s : seconds of sound
    max_samples : samples, of all channels together
    min_rate_hz, max_rate_hz : samples a second
    max_channels : how many are mixed to one
    max_expansion : bytes of float32 samples, of all channels, for each byte of the file
    wall_s : seconds that a job may take before its process is killed
    max_jobs : sounds after which a process is replaced
    memory_bytes : address space beyond what an idle process has
    """

    max_s: float = 600.0
    max_samples: int = 60_000_000
    min_rate_hz: int = 4_000
    max_rate_hz: int = 384_000
    max_channels: int = 8
    max_expansion: int = 4_000
    wall_s: float = 10.0
    max_jobs: int = 200
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """What a decoded sound says of itself."""

    rate_hz: int
    channels: int
    n_samples: int

    def pack(self) -> bytes:
        """Return the header as it stands before the samples."""
        return HEADER.pack(_MAGIC, _VERSION, self.rate_hz, self.channels, self.n_samples)

    @classmethod
    def read(cls, descriptor: int, limits: DecodeLimits) -> "Header | None":
        """Read a header, and return None where it breaks the limits or the samples behind it do not fit it."""
        content = os.pread(descriptor, HEADER.size, 0)
        if len(content) != HEADER.size:
            return None
        magic, version, rate_hz, channels, n_samples = HEADER.unpack(content)
        fits = (
            (magic, version) == (_MAGIC, _VERSION)
            and limits.min_rate_hz <= rate_hz <= limits.max_rate_hz
            and 1 <= channels <= limits.max_channels
            and 1 <= n_samples * channels <= limits.max_samples
            and n_samples <= limits.max_s * rate_hz
            and os.fstat(descriptor).st_size == HEADER.size + 4 * n_samples
        )
        return cls(rate_hz, channels, n_samples) if fits else None


@dataclass(frozen=True, slots=True)
class DecodeReply:
    """What a decoding process says of a job: that its samples are there, or why not."""

    job: int
    kind: ReplyKind
    message: str = ""


def pack_request(job: int) -> bytes:
    """Return the packet that asks for a job."""
    return REQUEST.pack(_MAGIC, _VERSION, job)


def unpack_request(packet: bytes) -> int:
    """Return the number of the job that a packet asks for."""
    magic, version, job = REQUEST.unpack(packet)
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError("the packet asks for nothing that is known here")
    return int(job)


def pack_reply(reply: DecodeReply) -> bytes:
    """Return the packet that tells a verdict; a long message loses its end."""
    message = reply.message.encode(errors="replace")[: MAX_PACKET_BYTES - _VERDICT.size]
    return _VERDICT.pack(_MAGIC, _VERSION, reply.job, _KINDS.index(reply.kind)) + message


def unpack_reply(packet: bytes) -> DecodeReply | None:
    """Return the verdict that a packet tells, or None where it tells none."""
    if len(packet) < _VERDICT.size:
        return None
    magic, version, job, kind = _VERDICT.unpack_from(packet)
    if (magic, version) != (_MAGIC, _VERSION) or kind >= len(_KINDS):
        return None
    text = packet[_VERDICT.size :].decode(errors="replace")
    # A message from a process that may be a stranger's by now: shown to that stranger, and logged.
    return DecodeReply(job, _KINDS[kind], "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
