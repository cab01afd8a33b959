"""Decoding of a corpus that FFmpeg, SoX, LAME and libsndfile encode, against FFmpeg's own decoding of the same files.

Formats x rates x channels x bit depths or bit rates x encoders, three seconds of chirps and noise each. Encoders that
are not installed are named and left out. A decoded length is right within one frame of the codec; samples within 1e-4
root mean square, or, of lossless formats, exactly.
"""

import argparse
import itertools
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from auricle.audio.decode import read
from auricle.audio.decoding.ffmpeg import is_installed
from auricle.errors import AudioError

SECONDS = 3.0
RATES_HZ = (8000, 16_000, 22_050, 44_100, 48_000, 96_000)
RMS = 1e-4


@dataclass(frozen=True)
class Encoder:
    """One way to make a file: the program, the suffix, its arguments, and what it can encode."""

    program: str
    suffix: str
    arguments: tuple[str, ...]
    max_rate_hz: int = 1_000_000
    is_lossless: bool = False
    frame: int = 1
    """Samples of a frame at its own rate: how far lengths may differ."""
    is_extra: bool = False
    """Whether it needs the extra ``formats``."""


def _ffmpeg(suffix: str, codec: str, *arguments: str, **facts: Any) -> Encoder:
    return Encoder("ffmpeg", suffix, ("-c:a", codec, *arguments), **facts)


PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le")
ENCODERS = (
    *(_ffmpeg(".wav", codec, is_lossless=True) for codec in PCM),
    _ffmpeg(".aiff", "pcm_s16be", is_lossless=True),
    _ffmpeg(".flac", "flac", is_lossless=True),
    _ffmpeg(".ogg", "libvorbis", frame=2048, max_rate_hz=48_000),
    _ffmpeg(".opus", "libopus", frame=2880, max_rate_hz=48_000),
    _ffmpeg(".oga", "flac", is_lossless=True),
    *(_ffmpeg(".mp3", "libmp3lame", "-b:a", rate, frame=1152, max_rate_hz=48_000) for rate in ("64k", "128k")),
    _ffmpeg(".mp3", "libmp3lame", "-q:a", "4", "-write_xing", "0", frame=1152, max_rate_hz=48_000),
    _ffmpeg(".m4a", "aac", frame=1024, is_extra=True),
    _ffmpeg(".m4a", "alac", is_lossless=True, is_extra=True),
    _ffmpeg(".webm", "libopus", frame=2880, max_rate_hz=48_000, is_extra=True),
    _ffmpeg(".caf", "pcm_s16le", is_lossless=True, is_extra=True),
    _ffmpeg(".wma", "wmav2", frame=4096, max_rate_hz=48_000, is_extra=True),
    Encoder("sox", ".wav", ("-b", "24"), is_lossless=True),
    Encoder("sox", ".wav", ("-e", "u-law"), is_lossless=True),
    Encoder("sox", ".aiff", (), is_lossless=True),
    Encoder("sox", ".flac", (), is_lossless=True),
    Encoder("sox", ".ogg", (), max_rate_hz=48_000, frame=2048),
    Encoder("sox", ".mp3", (), max_rate_hz=48_000, frame=1152),
    Encoder("lame", ".mp3", ("--quiet", "-V4"), max_rate_hz=48_000, frame=1152),
    Encoder("lame", ".mp3", ("--quiet", "-V6", "-t"), max_rate_hz=48_000, frame=1152),
    Encoder("lame", ".mp3", ("--quiet", "-b", "96"), max_rate_hz=48_000, frame=1152),
    *(Encoder("libsndfile", suffix, (), frame=frame, max_rate_hz=48_000, is_lossless=frame == 1)
      for suffix, frame in ((".wav", 1), (".flac", 1), (".ogg", 2048), (".mp3", 1152))),
)  # fmt: skip


def sound(rate_hz: int, channels: int) -> NDArray[np.float32]:
    """Return a chirp with noise, different in each channel, shape (n, channels)."""
    rng, time_s = np.random.default_rng(0), np.arange(round(SECONDS * rate_hz)) / rate_hz
    chirps = [0.3 * np.sin(2 * np.pi * (150 * (1 + c) + 100 * time_s) * time_s) for c in range(channels)]
    return (np.stack(chirps, axis=1) + rng.normal(0, 0.02, (time_s.size, channels))).astype(np.float32)


def encode(encoder: Encoder, rate_hz: int, channels: int, path: Path) -> bool:
    """Write a file; False where the encoder cannot."""
    source = path.with_name("source.wav")
    soundfile.write(source, sound(rate_hz, channels), rate_hz, "PCM_16")
    if encoder.program == "libsndfile":
        samples, _ = soundfile.read(source, dtype="float32", always_2d=True)
        form = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}[encoder.suffix]
        try:
            with soundfile.SoundFile(path, "w", rate_hz, channels, format=form) as file:
                for start in range(0, len(samples), 4096):
                    file.write(samples[start : start + 4096])
        except soundfile.LibsndfileError:
            return False
        return True
    command = {
        "ffmpeg": ["ffmpeg", "-v", "error", "-y", "-i", str(source), *encoder.arguments, str(path)],
        "sox": ["sox", str(source), *encoder.arguments, str(path)],
        "lame": ["lame", *encoder.arguments, str(source), str(path)],
    }[encoder.program]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0 and path.stat().st_size > 0


def reference(path: Path, rate_hz: int) -> NDArray[np.float32]:
    """Return the mean of the channels as FFmpeg's own program decodes them."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=channels", "-of", "csv=p=0"]
    channels = int(subprocess.run([*probe, str(path)], capture_output=True, check=True).stdout.split()[0].strip(b","))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ar", str(rate_hz), "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels).mean(axis=1)


def apart(mine: NDArray[np.float32], other: NDArray[np.float32], frame: int) -> float:
    """Return the root mean square of the difference, where a part of one correlates best with the other.

    What a codec adds before a sound is trimmed by some decoders, so parts may lie up to a frame apart.
    """
    start, length = mine.size // 3, min(4000, mine.size // 3)
    part, reach = mine[start : start + length], 0 if frame == 1 else min(frame, start)
    near = other[start - reach : start + reach + length]
    if near.size < length:
        return float("inf")
    shift = int(np.argmax(np.correlate(near, part, "valid")))
    return float(np.sqrt(np.mean((near[shift : shift + length] - part) ** 2)))


def corpus(folder: Path, *, short: bool) -> Iterator[tuple[Encoder, int, int, Path]]:
    """Yield every file of the corpus."""
    rates = RATES_HZ[1::2] if short else RATES_HZ
    for index, (encoder, rate_hz, channels) in enumerate(itertools.product(ENCODERS, rates, (1, 2))):
        if rate_hz > encoder.max_rate_hz or (encoder.is_extra and not is_installed()):
            continue
        path = folder / f"{index}{encoder.suffix}"
        if encode(encoder, rate_hz, channels, path):
            yield encoder, rate_hz, channels, path


def figures(*, short: bool) -> dict[str, object]:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for encoder, rate_hz, channels, path in corpus(Path(folder), short=short):
            name = f"{encoder.program} {' '.join(encoder.arguments)} {encoder.suffix} {rate_hz} Hz x {channels}"
            counts["files"] += 1
            try:
                clip = read(path)
            except AudioError as error:
                wrong.append(f"{name}: {error}")
                continue
            other = reference(path, clip.rate_hz)
            is_long = abs(clip.samples.size - other.size) <= encoder.frame * max(1, clip.rate_hz / rate_hz)
            difference = apart(clip.samples, other, encoder.frame)
            is_same = difference <= (1e-7 if encoder.is_lossless else RMS)
            counts["length_right"] += is_long
            counts["samples_right"] += is_same
            if not (is_long and is_same):
                lengths = f"{clip.samples.size} samples, FFmpeg {other.size}"
                wrong.append(f"{name}: {lengths}, {difference:.1e} apart")
    return {**counts, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--short", action="store_true", help="half of the rates")
    options = parser.parse_args()
    absent = [program for program in ("ffmpeg", "ffprobe", "sox", "lame") if shutil.which(program) is None]
    if "ffmpeg" in absent or "ffprobe" in absent:
        parser.exit(2, "FFmpeg's program is the reference, and is not installed.\n")
    found = {**figures(short=options.short), "encoders_absent": absent}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    n = found["files"]
    print(f"{n} files; encoders that are not installed: {', '.join(absent) or 'none'}")
    for name in ("length_right", "samples_right"):
        met = "met" if found[name] == n else "MISSED"
        print(f"{name:16} {met:7} {found[name]} of {n}")
    for line in found["wrong"]:  # type: ignore[attr-defined]
        print(f"  {line}")


if __name__ == "__main__":
    main()
