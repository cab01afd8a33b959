"""Messages between the server and its decoding processes: packed and unpacked alike, malformed ones refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.serving.decoder.messages import (
    HEADER,
    MAX_PACKET_BYTES,
    DecodeLimits,
    DecodeReply,
    Header,
    pack_reply,
    pack_request,
    unpack_reply,
    unpack_request,
)


@given(job=st.integers(0, 2**64 - 1))
def test_a_request_is_unpacked_as_it_was_packed(job: int) -> None:
    assert unpack_request(pack_request(job, 2.5, "max-energy")) == (job, 2.5, "max-energy")


def test_a_request_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="of this version"):
        unpack_request(pack_request(1).replace(b"AURD", b"AURE"))


@given(job=st.integers(0, 2**64 - 1), kind=st.sampled_from(["ok", "audio", "limit", "worker"]), text=st.text())
def test_a_reply_fits_a_packet_and_holds_only_printable_characters(job: int, kind: str, text: str) -> None:
    packet = pack_reply(DecodeReply(job, kind, text))
    assert len(packet) <= MAX_PACKET_BYTES
    reply = unpack_reply(packet)
    assert reply is not None
    assert (reply.job, reply.kind) == (job, kind)
    assert reply.message.isprintable()


@given(packet=st.binary(max_size=64))
def test_any_bytes_are_a_reply_or_none(packet: bytes) -> None:
    reply = unpack_reply(packet)
    assert reply is None or pack_reply(reply)[:17] == packet[:17]


@pytest.mark.parametrize(
    ("header", "n_samples", "is_valid"),
    [
        (Header(16_000, 1, 4), 4, True),
        (Header(16_000, 1, 4), 5, False),  # the file holds another number of samples
        (Header(1_000, 1, 4), 4, False),
        (Header(16_000, 9, 4), 4, False),
        (Header(16_000, 1, 0), 0, False),
    ],
)
def test_headers_beyond_the_limits_are_refused(
    tmp_path: Path, header: Header, n_samples: int, is_valid: object
) -> None:
    path = tmp_path / "samples"
    path.write_bytes(header.pack() + bytes(4 * n_samples))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert Header.read(descriptor, DecodeLimits()) == (header if is_valid else None)
    finally:
        os.close(descriptor)


def test_a_truncated_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    path.write_bytes(Header(16_000, 1, 4).pack()[: HEADER.size - 1])
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert Header.read(descriptor, DecodeLimits()) is None
    finally:
        os.close(descriptor)
