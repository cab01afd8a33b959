"""Messages between the server and its decoding processes: fixed binary structures, validated by both sides."""

import math
import os
import struct
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "HEADER",
    "MAX_PACKET_BYTES",
    "REQUEST",
    "DecodeLimits",
    "DecodeReply",
    "Header",
    "pack_reply",
    "pack_request",
    "unpack_reply",
    "unpack_request",
]

_MAGIC: Final = b"AURD"
_VERSION: Final = 3

REQUEST: Final = struct.Struct("<4sIQd16s")
"""Magic, version, job number, length in seconds from which a sound is long, and channel; two descriptors accompany it:
the sound, and the target of the samples."""

HEADER: Final = struct.Struct("<4sIIIQ")
"""Precedes the samples: magic, version, sample rate, channels, number of samples."""

_REPLY: Final = struct.Struct("<4sIQB")
_KINDS: Final = ("ok", "audio", "limit", "worker", "long")

MAX_PACKET_BYTES: Final = 4096

ReplyKind = Literal["ok", "audio", "limit", "worker", "long"]


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of a sound, and of decoding it.

    Parameters
    ----------
    max_s : float
        Duration of the sound in seconds.
    max_samples : int
        Samples of all channels together.
    min_rate_hz, max_rate_hz : int
        Sample rate.
    max_channels : int
        Channels; they are mixed to one.
    max_expansion : int
        Bytes of float32 samples, of all channels, per byte of the file.
    wall_s : float
        Seconds per job, after which its process is killed.
    max_jobs : int
        Jobs after which a process is replaced.
    memory_bytes : int
        Address space beyond that of an idle process.
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
    """The header of a decoded sound."""

    rate_hz: int
    channels: int
    n_samples: int

    def pack(self) -> bytes:
        """Return the header in binary form."""
        return HEADER.pack(_MAGIC, _VERSION, self.rate_hz, self.channels, self.n_samples)

    @classmethod
    def read(cls, descriptor: int, limits: DecodeLimits) -> "Header | None":
        """Read a header; None if it exceeds the limits, or does not fit the number of samples in the file."""
        content = os.pread(descriptor, HEADER.size, 0)
        if len(content) != HEADER.size:
            return None
        magic, version, rate_hz, channels, n_samples = HEADER.unpack(content)
        is_valid = (
            (magic, version) == (_MAGIC, _VERSION)
            and limits.min_rate_hz <= rate_hz <= limits.max_rate_hz
            and 1 <= channels <= limits.max_channels
            and 1 <= n_samples * channels <= limits.max_samples
            and n_samples <= limits.max_s * rate_hz
            and os.fstat(descriptor).st_size == HEADER.size + 4 * n_samples
        )
        return cls(rate_hz, channels, n_samples) if is_valid else None


@dataclass(frozen=True, slots=True)
class DecodeReply:
    """The reply of a decoding process to a job: success, or the kind and message of an error."""

    job: int
    kind: ReplyKind
    message: str = ""


def pack_request(job: int, long_s: float = math.inf, channel: str = "mean") -> bytes:
    """Return the packet that requests a job; sounds longer than ``long_s`` are not decoded."""
    return REQUEST.pack(_MAGIC, _VERSION, job, long_s, channel.encode())


def unpack_request(packet: bytes) -> tuple[int, float, str]:
    """Return the job number of a request packet, the length from which a sound is long, and the channel."""
    magic, version, job, long_s, channel = REQUEST.unpack(packet)
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError("the packet is not a decoding request of this version")
    return int(job), float(long_s), channel.rstrip(b"\0").decode()


def pack_reply(reply: DecodeReply) -> bytes:
    """Return the packet of a reply; a long message is truncated."""
    message = reply.message.encode(errors="replace")[: MAX_PACKET_BYTES - _REPLY.size]
    return _REPLY.pack(_MAGIC, _VERSION, reply.job, _KINDS.index(reply.kind)) + message


def unpack_reply(packet: bytes) -> DecodeReply | None:
    """Return the reply of a packet; None if the packet is malformed."""
    if len(packet) < _REPLY.size:
        return None
    magic, version, job, kind = _REPLY.unpack_from(packet)
    if (magic, version) != (_MAGIC, _VERSION) or kind >= len(_KINDS):
        return None
    text = packet[_REPLY.size :].decode(errors="replace")
    # The process may be compromised, and the message reaches the client and the log: keep printable characters only.
    return DecodeReply(job, _KINDS[kind], "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
