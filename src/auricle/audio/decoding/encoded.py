"""Open the decoder that reads a file whole: MP3, links of an Ogg, MP3 in WAV, FLAC in Ogg, and what FFmpeg reads."""

import mmap
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, Final

from auricle.audio.clip import Samples
from auricle.audio.decoding import ffmpeg, mpeg, ogg
from auricle.audio.decoding.containers import FORMATS, find_data_chunk, sniff, sniff_foreign
from auricle.audio.decoding.ffmpeg import FfmpegDecoder
from auricle.audio.decoding.frames import FrameDecoder, skip_by_reading
from auricle.audio.decoding.libsndfile import Decoder
from auricle.audio.sources import open_source
from auricle.errors import AudioError

__all__ = ["Encoded", "examine", "open_decoder"]

_MPEG_IN_WAV = 0x55
_FEWEST_FRAMES = 4
"""Frames that follow each other in a file that begins with something else, for it to count as an MP3."""


MAX_JUNK_BYTES: Final = 2048
"""Bytes of an MP3 beside its frames that are not worth a word: a last frame that a recorder did not finish."""


def open_decoder(file: BinaryIO, name: str) -> tuple[FrameDecoder, tuple[str, ...]]:
    """Return the decoder of an open file, whose format its content decides, and what it leaves out.

    The file stays open.

    Raises
    ------
    AudioError
        Not sound, of a format that is not read, truncated, or not decodable.
    """
    encoded = examine(file, name)
    if encoded.is_foreign:
        decoder = FfmpegDecoder(file, name, encoded.format)
        others = ("tracks of sound after the first",) if decoder.n_tracks > 1 else ()
        return decoder, others
    left_out = ("bytes of an MP3 that are no frames",) if encoded.junk_bytes > MAX_JUNK_BYTES else ()
    parts = [
        Decoder(part, name, encoded.format, layout=encoded.layout, is_own=part is not file) for part in encoded.files
    ]
    return parts[0] if len(parts) == 1 else _Chain(parts, name), left_out


class _Chain:
    """Decodes the links of a file one after the other."""

    def __init__(self, links: list[Decoder], name: str) -> None:
        first = links[0]
        self._links, self._index = links, 0
        self.format, self.rate_hz, self.channels = first.format, first.rate_hz, first.channels
        self.n_frames: int | None = sum(link.n_frames or 0 for link in links)
        self.has_exact_length = all(link.has_exact_length for link in links)
        if other := next((e for e in links if (e.rate_hz, e.channels) != (first.rate_hz, first.channels)), None):
            self.close()
            raise AudioError(
                f"{name}: the streams chained in a file must have one sample rate and number of channels. Got "
                f"{first.rate_hz} Hz with {first.channels}, then {other.rate_hz} Hz with {other.channels}. Split it."
            )

    def read(self, count: int) -> Samples:
        while True:
            frames = self._links[self._index].read(count)
            if len(frames) or self._index == len(self._links) - 1:
                return frames
            self._index += 1

    def skip(self, count: int, *, block: int) -> int:
        return skip_by_reading(self.read, count, block=block)

    def close(self) -> None:
        for link in self._links:
            link.close()


@dataclass(frozen=True, slots=True)
class Encoded:
    """The files to decode one after the other, and their format.

    Parameters
    ----------
    format : str
        One of WAV, FLAC, OGG, MP3, AIFF, or another that FFmpeg reads.
    files : tuple of binary file
        The file itself, or what stands for it.
    layout : Layout or None
        Of an MP3 whose header does not count its frames.
    junk_bytes : int
        Bytes of an MP3 that belong to no frame.
    is_foreign : bool
        Whether FFmpeg reads it.
    """

    format: str
    files: tuple[BinaryIO, ...]
    layout: mpeg.Layout | None = None
    junk_bytes: int = 0
    is_foreign: bool = False


def examine(file: BinaryIO, name: str) -> Encoded:
    """Return what to decode of a file, whose format its content decides.

    Raises
    ------
    AudioError
        Not sound, of a format that is not read, or truncated.
    """
    head = file.read(16)
    file.seek(0)
    if not head:
        raise AudioError(f"{name}: the file is empty (0 bytes). Remove it, or copy it again from its source.")
    form = sniff(head)
    if form in ("FLAC", "AIFF"):
        return Encoded(form, (file,))
    if form == "WAV":
        return _mp3_in_wav(file, name) or Encoded(form, (file,))
    if (foreign := sniff_foreign(head)) is not None:
        if not ffmpeg.is_installed():
            raise AudioError(
                f"{name}: {foreign} needs the extra `formats`: pip install 'auricle[formats]'. Or convert it, for "
                "example to FLAC."
            )
        return Encoded(foreign, (file,), is_foreign=True)
    with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
        found = _ogg(file, data, name) if form == "OGG" else _mp3(file, data, name, is_certain=form == "MP3")
    if found is None:
        raise AudioError(
            f"{name}: not sound that auricle reads ({', '.join(FORMATS)}): it begins with {head!r}. "
            "Convert it, for example to FLAC, or remove it."
        )
    return found


def _mp3(file: BinaryIO, data: mmap.mmap, name: str, *, is_certain: bool) -> Encoded | None:
    layout = mpeg.scan(data)
    if layout is None or (not is_certain and layout.n_frames < _FEWEST_FRAMES):
        return Encoded("MP3", (file,)) if is_certain else None
    if layout.is_truncated and layout.promised is not None:
        seconds = layout.samples_per_frame / layout.rate_hz
        raise AudioError(
            f"{name}: the file is truncated: its header promises {layout.promised} frames "
            f"({layout.promised * seconds:.2f} s), and {layout.n_frames} ({layout.n_frames * seconds:.2f} s) are "
            "there. Copy it again from its source."
        )
    if layout.promised is None and is_certain:
        return Encoded("MP3", (file,), layout, layout.junk_bytes)
    if layout.promised in (layout.n_frames, layout.n_frames + 1) and is_certain:
        return Encoded("MP3", (file,), junk_bytes=layout.junk_bytes)
    return Encoded("MP3", (mpeg.readable(data, layout),), junk_bytes=layout.junk_bytes)


def _mp3_in_wav(file: BinaryIO, name: str) -> Encoded | None:
    with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
        start = data.find(b"fmt ", 12, 4096)
        if start < 0 or int.from_bytes(data[start + 8 : start + 10], "little") != _MPEG_IN_WAV:
            return None
        chunk = find_data_chunk(file, "WAV")
        if chunk is None:
            return None
        if chunk.claimed_bytes is not None and chunk.claimed_bytes > chunk.available_bytes:
            return None  # which the decoder refuses as it refuses any
        begin = chunk.size_offset + 4
        size = chunk.available_bytes if chunk.claimed_bytes is None else chunk.claimed_bytes
        content = data[begin : begin + size]
    layout = mpeg.scan(content)
    if layout is None:
        raise AudioError(f"{name}: WAV with MP3 must hold frames of MP3. It holds none. Copy it again from its source.")
    return Encoded("MP3", (mpeg.readable(content, layout),), junk_bytes=layout.junk_bytes)


def _ogg(file: BinaryIO, data: mmap.mmap, name: str) -> Encoded:
    links = ogg.links(data)
    if not links:
        raise AudioError(
            f"{name}: the file is truncated: it ends within its first page. Copy it again from its source."
        )
    codec = ogg.codec_of(data)
    if codec not in ("Vorbis", "Opus", "FLAC"):
        raise AudioError(f"{name}: auricle does not read Ogg with {codec}. Convert it, for example to FLAC.")
    if not all(link.has_end for link in links):
        there_s = sum(link.granule for link in links) / max(1, ogg.rate_of(data))
        raise AudioError(
            f"{name}: the file is truncated: an Ogg stream must end with a page that says so, and this one ends "
            f"without, after {there_s:.2f} s. Copy it again from its source."
        )
    if codec == "FLAC":
        return Encoded("FLAC", (open_source(ogg.native_flac(data)),))
    if len(links) == 1:
        return Encoded("OGG", (file,))
    return Encoded("OGG", tuple(open_source(data[link.start : link.end]) for link in links))
