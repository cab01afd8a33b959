import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.bundles import container
from auricle.errors import BundleError

MEMBERS = {"manifest.json": b'{"a": 1}' * 20, "empty": b"", "golden/rows.npy": bytes(range(256)) * 3}
PACKED = container.pack(MEMBERS)
SEAL = b"auricle sha256 "


def sealed(archive: bytes) -> bytes:
    """Return a zip with a valid seal, as an attacker would send it."""
    length = len(SEAL) + 64
    with zipfile.ZipFile(stream := io.BytesIO(archive), "a") as opened:
        opened.comment = bytes(length)
    body = stream.getvalue()[:-length]
    return body + SEAL + hashlib.sha256(body).hexdigest().encode()


def zipped(**members: bytes) -> bytes:
    with zipfile.ZipFile(stream := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@given(
    st.dictionaries(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1), st.binary(), min_size=1)
)
def test_unpacking_returns_the_packed_members(members: dict[str, bytes]) -> None:
    assert container.unpack(container.pack(members), "x") == members


def test_equal_members_give_equal_bytes() -> None:
    assert container.pack(dict(reversed(MEMBERS.items()))) == PACKED
    assert container.pack(MEMBERS | {"empty": b"\0"}) != PACKED


def test_the_archive_is_a_plain_zip(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(PACKED)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS


@given(st.integers(0, len(PACKED) - 1), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found(position: int, bit: int) -> None:
    damaged = bytearray(PACKED)
    damaged[position] ^= 1 << bit
    with pytest.raises(BundleError, match=r"^x\.auricle: "):
        container.unpack(bytes(damaged), "x.auricle")


def test_every_byte_of_tables_and_seal_is_under_the_hash() -> None:
    tables = PACKED.index(b"PK\x01\x02")
    for position in range(tables, len(PACKED)):
        damaged = bytearray(PACKED)
        damaged[position] ^= 0x20  # also what makes a lower-case digit of the seal an upper-case one
        with pytest.raises(BundleError):
            container.unpack(bytes(damaged), "x")


@pytest.mark.parametrize("length", [0, 1, 4, 78, 79, len(PACKED) // 2, len(PACKED) - 80, len(PACKED) - 1])
def test_a_truncated_file_is_refused(length: int) -> None:
    with pytest.raises(BundleError, match="It is not one, or its end is missing"):
        container.unpack(PACKED[:length], "x")


@pytest.mark.parametrize("extra", [b"\0", b"\n", SEAL])
def test_bytes_after_the_end_are_refused(extra: bytes) -> None:
    with pytest.raises(BundleError):
        container.unpack(PACKED + extra, "x")


def test_a_foreign_zip_is_refused() -> None:
    with pytest.raises(BundleError, match="the file must be a bundle that `auricle train` wrote"):
        container.unpack(zipped(a=b"b"), "x")


def damaged_stream(archive: bytes) -> bytes:
    start = archive.index(b"b" * 10) if b"b" * 10 in archive else 30 + 1
    return archive[:start] + b"\xff\xff" + archive[start + 2 :]


def larger_claim(archive: bytes) -> bytes:
    at = archive.index(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", 3 * 1024**3) + archive[at + 4 :]


def other_method(archive: bytes) -> bytes:
    at = archive.index(b"PK\x01\x02") + 10
    return archive[:at] + struct.pack("<H", 99) + archive[at + 2 :]


def encrypted(archive: bytes) -> bytes:
    at = archive.index(b"PK\x01\x02") + 8
    return archive[:at] + b"\1" + archive[at + 1 :]


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (damaged_stream, "the bundle's archive must be whole"),
        (other_method, "the bundle's archive must be whole"),
        (encrypted, "the bundle's archive must be whole"),
        (larger_claim, r"must unpack to at most 2147483648 bytes\. It claims 3221225472"),
    ],
)
def test_a_forged_archive_with_a_true_seal_is_refused(forge: Callable[[bytes], bytes], message: str) -> None:
    content = sealed(forge(zipped(a=bytes(range(200)) * 5)))
    with pytest.raises(BundleError, match=message):
        container.unpack(content, "x")


def test_a_member_that_unpacks_to_more_than_it_claims_is_refused() -> None:
    archive = zipped(a=bytes(100_000))
    for magic, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = archive.index(magic) + at
        archive = archive[:start] + struct.pack("<I", 10) + archive[start + 4 :]
    with pytest.raises(BundleError, match="must be whole"):
        container.unpack(sealed(archive), "x")


def test_a_duplicate_name_is_refused() -> None:
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"2")
    with pytest.raises(BundleError, match="the names of a bundle's members must differ"):
        container.unpack(sealed(stream.getvalue()), "x")


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match=r"no\.auricle: .* No such file or directory"):
        container.read(tmp_path / "no.auricle")
    with pytest.raises(BundleError, match=r"must be a readable file. It is a folder, a device or a pipe"):
        container.read(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    with pytest.raises(BundleError, match="a device or a pipe"):
        container.read(tmp_path / "pipe")
    with pytest.raises(BundleError, match="embedded null byte"):
        container.read("a\0b")
    (tmp_path / "big").write_bytes(PACKED)
    assert container.read(tmp_path / "big") == PACKED
    monkeypatch.setattr(container, "MAX_BYTES", 10)
    with pytest.raises(BundleError, match=rf"must be at most 10 bytes\. It has {len(PACKED)}"):
        container.read(tmp_path / "big")
