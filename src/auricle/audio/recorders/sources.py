"""Read what a recorder wrote about a recording: sources in a stated order, each fact from the first that has it."""

import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from auricle.audio.recorders.audiomoth import read_comment
from auricle.audio.recorders.bext import read_bext
from auricle.audio.recorders.facts import Facts, same_time
from auricle.audio.recorders.guano import read_guano
from auricle.audio.recorders.names import read_name
from auricle.audio.recorders.wamd import read_wamd

__all__ = ["SOURCES", "RecorderFacts", "read_facts"]

_FIRST_BYTES: Final = 1024
_MAX_CHUNKS: Final = 64
_MAX_BYTES: Final = 1 << 16
"""Most bytes that are read of one chunk."""

_SUFFIXES: Final = (".wav", ".wave")
_KEPT: Final = (b"fmt ", b"LIST", b"guan", b"wamd", b"bext")

SOURCES: Final[Mapping[str, Callable[[str, Mapping[bytes, bytes]], Facts]]] = {
    "GUANO": lambda _, chunks: read_guano(chunks[b"guan"]) if b"guan" in chunks else Facts(),
    "WAMD": lambda _, chunks: read_wamd(chunks[b"wamd"]) if b"wamd" in chunks else Facts(),
    "AudioMoth's comment": lambda _, chunks: read_comment(_comment(chunks.get(b"LIST", b""))),
    "bext": lambda _, chunks: read_bext(chunks[b"bext"], _rate_hz(chunks)) if b"bext" in chunks else Facts(),
    "the file name": lambda name, _: read_name(name),
}
"""Sources by name, the first to be believed first: a header travels with its sound, a name is changed by hand."""


@dataclass(frozen=True, slots=True)
class RecorderFacts:
    """The facts about a recording, with the source of each, and the sources that contradict its time.

    Parameters
    ----------
    facts : Facts
    sources : mapping of str to str
        Source of each fact that is known, by field.
    contradicted_by : tuple of str
        Sources that state another time than ``facts.made_at``.
    """

    facts: Facts
    sources: Mapping[str, str]
    contradicted_by: tuple[str, ...] = ()


def read_facts(path: Path) -> RecorderFacts:
    """Read the name of a file, and of a WAV file the chunks that recorders write; the sound is not read.

    A file that cannot be read, or is not what its name says, has the facts of its name: decoding will name it.
    """
    chunks = _read_chunks(path) if path.suffix.lower() in _SUFFIXES else {}
    known: dict[str, object] = {}
    sources: dict[str, str] = {}
    contradicted_by = []
    facts = Facts()
    for source, read in SOURCES.items():
        found = read(path.name, chunks)
        if facts.made_at and found.made_at and not same_time(facts.made_at, found.made_at):
            contradicted_by.append(source)
        for field in fields(Facts):
            value = getattr(found, field.name)
            if value is not None and field.name not in known:
                known[field.name], sources[field.name] = value, source
        facts = Facts(**known)  # type: ignore[arg-type]
    return RecorderFacts(facts, sources, tuple(contradicted_by))


def _read_chunks(path: Path) -> dict[bytes, bytes]:
    """Return the recorders' chunks of a RIFF or RF64 file; none of another file, and those before any damage."""
    chunks: dict[bytes, bytes] = {}
    try:
        with open(path, "rb", buffering=_FIRST_BYTES) as file:  # noqa: PTH123  (small buffer)
            head = file.read(12)
            if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
                return {}
            size = os.fstat(file.fileno()).st_size
            start, long_size = 12, 0
            for _ in range(_MAX_CHUNKS):
                if start + 8 > size:
                    break
                file.seek(start)
                name, claimed = struct.unpack("<4sI", file.read(8))
                if name == b"ds64":
                    long_size = struct.unpack("<Q", file.read(24)[8:16])[0]
                elif name in _KEPT and name not in chunks:
                    content = file.read(min(claimed, _MAX_BYTES))
                    if name != b"LIST" or content[:4] == b"INFO":  # other lists hold cues
                        chunks[name] = content
                if name == b"data" and claimed == 0xFFFFFFFF:
                    claimed = long_size
                start += 8 + claimed + claimed % 2
    except (OSError, ValueError, struct.error):
        pass
    return chunks


def _comment(content: bytes) -> str:
    """Return the comment (ICMT) of a LIST chunk of type INFO."""
    start = 4 if content[:4] == b"INFO" else len(content)
    while start + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, start)
        if name == b"ICMT":
            return content[start + 8 : start + 8 + size].split(b"\0", 1)[0].decode("utf-8", "replace")
        start += 8 + size + size % 2
    return ""


def _rate_hz(chunks: Mapping[bytes, bytes]) -> int:
    header = chunks.get(b"fmt ", b"")
    return int(struct.unpack_from("<I", header, 4)[0]) if len(header) >= 8 else 0
