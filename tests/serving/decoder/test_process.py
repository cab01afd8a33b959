"""Jobs of a decoding process, done in this one: samples or a reason for every sound, within the limits."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.serving.decoder import process
from auricle.serving.decoder.messages import (
    HEADER,
    MAX_PACKET_BYTES,
    DecodeLimits,
    DecodeReply,
    Header,
    pack_request,
    unpack_reply,
)

Ask = Callable[..., tuple[DecodeReply | None, bytes]]
Put = Callable[[bytes], int]


@pytest.fixture
def ask(in_memory: Put) -> Iterator[Ask]:
    """Send a sound as the server does; return the reply and what was written."""
    server, link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.settimeout(10)

    def send(content: bytes, limits: DecodeLimits | None = None) -> tuple[DecodeReply | None, bytes]:
        source, target = in_memory(content), in_memory(b"")
        os.lseek(source, 0, os.SEEK_SET)
        socket.send_fds(server, [pack_request(7)], [source, target])
        n_open = len(list(Path("/proc/self/fd").iterdir()))
        assert process._handle_job(link, limits or DecodeLimits())
        assert len(list(Path("/proc/self/fd").iterdir())) == n_open
        return unpack_reply(server.recv(MAX_PACKET_BYTES)), os.pread(target, 1 << 24, 0)

    yield send
    server.close()
    assert process._handle_job(link, DecodeLimits()) is False  # which ends the process
    link.close()


@pytest.mark.parametrize("form", ["WAV", "MP3"])
def test_samples_follow_their_header(ask: Ask, sound_file: Callable[..., bytes], form: str) -> None:
    content = sound_file(0.5, rate_hz=16_000, channels=2, form=form)
    reply, written = ask(content)
    expected = read(content).samples
    assert reply == DecodeReply(7, "ok")
    assert written[: HEADER.size] == Header(16_000, 2, expected.size).pack()
    np.testing.assert_array_equal(np.frombuffer(written[HEADER.size :], "<f4"), expected)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (DecodeLimits(max_s=0.5), "at most 0.5 s long"),
        (DecodeLimits(max_samples=15_999), "15999 samples of all channels"),
        (DecodeLimits(max_expansion=1), "1 times its file's size"),
        (DecodeLimits(min_rate_hz=9_000), "from 9000 to 384000 Hz. Got 8000 Hz"),
        (DecodeLimits(max_rate_hz=4_000), "from 4000 to 4000 Hz. Got 8000 Hz"),
        (DecodeLimits(max_channels=1), "at most 1 channels. Got 2"),
    ],
)
def test_limits_are_enforced_before_a_sample_is_written(
    ask: Ask, sound_file: Callable[..., bytes], limits: DecodeLimits, message: str
) -> None:
    reply, written = ask(sound_file(1.0, channels=2), limits)
    assert reply is not None
    assert (reply.job, reply.kind, written) == (7, "limit", b"")
    assert message in reply.message


def test_a_header_that_claims_too_much_is_refused_unread(ask: Ask, giant_flac: bytes) -> None:
    reply, written = ask(giant_flac)
    assert reply is not None
    assert (reply.kind, written) == ("limit", b"")
    assert "at least 68719476735 frames" in reply.message


def test_a_sound_at_the_limits_is_decoded(ask: Ask, sound_file: Callable[..., bytes]) -> None:
    limits = DecodeLimits(max_s=1.0, max_samples=16_000, min_rate_hz=8_000, max_rate_hz=8_000, max_channels=2)
    assert ask(sound_file(1.0, channels=2), limits)[0] == DecodeReply(7, "ok")


def test_mp3_samples_are_counted_while_decoding(ask: Ask, sound_file: Callable[..., bytes]) -> None:
    reply, written = ask(sound_file(3.0, form="MP3"), DecodeLimits(max_s=1.0))
    assert reply is not None
    assert (reply.kind, "at most 1 s long" in reply.message) == ("limit", True)
    assert len(written) <= HEADER.size + 4 * 8_000


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (None, "audio", "not sound that auricle reads"),
        (MemoryError(), "limit", "more memory to decode"),
        (PermissionError("/secret"), "worker", r"cannot be decoded (PermissionError)."),
    ],
)
def test_a_failure_is_a_reply_without_details_of_the_machine(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception | None, kind: str, message: str
) -> None:
    def fail(*_: object) -> None:
        assert error is not None
        raise error

    if error is not None:
        monkeypatch.setattr(process, "decode", fail)
    reply, _ = ask(b"Call me Ishmael. Some years ago")
    assert reply is not None
    assert (reply.job, reply.kind) == (7, kind)
    assert message in reply.message
    assert "secret" not in reply.message
