"""Program of the fork server and of the decoding processes that it forks.

``python -m auricle.serving.decoder.process FD LIMITS`` serves the socket FD. The fork server imports once and forks in
a millisecond, so that a killed process is replaced at once; it reads no untrusted byte itself. It ends with the
server, and its processes end with it.
"""

import contextlib
import json
import math
import os
import signal
import socket
import sys
from typing import Final

import numpy as np

from auricle.audio.channels import EACH, MEAN
from auricle.audio.decode import Sound, open_sound
from auricle.audio.decoding.ffmpeg import FfmpegDecoder, is_installed
from auricle.errors import AudioError, AuricleError
from auricle.serving.decoder.messages import (
    HEADER,
    REQUEST,
    DecodeLimits,
    DecodeReply,
    Header,
    pack_reply,
    unpack_request,
)
from auricle.serving.decoder.sandbox import confine, die_with_parent, isolate_network
from auricle.serving.decoder.system_calls import filter_system_calls

__all__ = ["decode", "main"]

_SPAWN: Final = b"spawn"
_SPARE_BYTES: Final = 1 << 20


class _LimitError(Exception):
    """The sound exceeds a limit; raised and caught within the decoding process."""


class _LongError(Exception):
    """The sound is longer than was asked for; raised and caught within the decoding process."""


def main() -> None:
    """Fork a decoding process for each packet that carries a socket, until the server is gone."""
    link = socket.socket(fileno=int(sys.argv[1]))
    limits = DecodeLimits(**json.loads(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends ctrl-C to all its processes; the server ends this
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # reap children automatically: the server watches their pidfds
    _warm_up()
    link.send(json.dumps(_probe(limits)).encode())  # signals readiness
    fork_server = os.getpid()
    while True:
        packet, descriptors, _, _ = socket.recv_fds(link, len(_SPAWN), 1)
        if not packet:
            return
        with socket.socket(fileno=descriptors[0]) as theirs:
            pid = os.fork()
            if pid == 0:
                link.close()
                _run(theirs, limits, fork_server)
            try:
                process = os.pidfd_open(pid)
            except ProcessLookupError:
                link.send(b"died")
                continue
        socket.send_fds(link, [_SPAWN], [process])
        os.close(process)


def decode(source: int, target: int, limits: DecodeLimits, long_s: float = math.inf, channel: str = MEAN) -> None:
    """Decode the sound of one descriptor into another: a header, then float32 samples of one channel.

    A sound longer than ``long_s`` ends the work, as soon as that shows.

    Raises
    ------
    AudioError : the content is not sound, is damaged, or lacks the channel
    """
    n_bytes = os.fstat(source).st_size
    with os.fdopen(source, "rb", closefd=False) as file, open_sound(file, name="the sound") as sound:
        max_samples = _max_samples(sound, n_bytes, limits)
        if sound.format != "MP3" and sound.n_frames is not None and sound.n_frames > long_s * sound.rate_hz:
            raise _LongError
        os.lseek(target, HEADER.size, os.SEEK_SET)
        n_samples = 0
        if channel == EACH:
            channel = _only_channel(sound)
        for block in sound.blocks(channel=channel):
            n_samples += block.size
            if n_samples > max_samples:
                raise _too_long(sound, n_samples, limits, n_bytes)
            if n_samples > long_s * sound.rate_hz:
                raise _LongError
            _write(target, np.ascontiguousarray(block, "<f4").data.cast("B"))
        os.pwrite(target, Header(sound.rate_hz, sound.channels, n_samples).pack(), 0)


def _only_channel(sound: Sound) -> str:
    if sound.channels > 1:
        raise AudioError(
            f"this model answers on each channel by itself, and the sound has {sound.channels}. Send each channel as a "
            "sound of its own."
        )
    return MEAN


def _probe(limits: DecodeLimits) -> list[str]:
    """Return how decoding processes are confined here, as one of them finds out."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.write(writer, json.dumps(_confine(limits, os.getppid())).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found = pipe.read()
    return list(json.loads(found)) if found else []


def _confine(limits: DecodeLimits, fork_server: int) -> list[str]:
    """Confine this process by all that the kernel offers, and return the names of it."""
    has_own_network = isolate_network()
    confine(
        memory_bytes=limits.memory_bytes,
        file_bytes=HEADER.size + 4 * limits.max_samples + _SPARE_BYTES,
        cpu_s=int(limits.wall_s * limits.max_jobs),
    )
    die_with_parent(fork_server)  # after the change of user, which clears this setting
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    is_filtered = filter_system_calls()
    return ["limits", *(["network"] if has_own_network else []), *(["system calls"] if is_filtered else [])]


def _run(link: socket.socket, limits: DecodeLimits, fork_server: int) -> None:
    """Confine this process, decode sounds until the server closes the link, and exit."""
    with contextlib.suppress(BaseException):
        _confine(limits, fork_server)
        while _handle_job(link, limits):
            pass
    os._exit(0)


def _handle_job(link: socket.socket, limits: DecodeLimits) -> bool:
    """Decode one sound and send the reply; False if the link is closed."""
    packet, descriptors, _, _ = socket.recv_fds(link, REQUEST.size, 2)
    if not packet:
        return False
    source, target = descriptors
    job, long_s, channel = unpack_request(packet)
    try:
        decode(source, target, limits, long_s, channel)
        reply = DecodeReply(job, "ok")
    except _LongError:
        reply = DecodeReply(job, "long")
    except _LimitError as error:
        reply = DecodeReply(job, "limit", str(error))
    except AuricleError as error:
        reply = DecodeReply(job, "audio", str(error))
    except MemoryError:
        reply = DecodeReply(job, "limit", "the sound takes more memory to decode than the server allows.")
    except Exception as error:  # noqa: BLE001  (any failure is the sound's, not the server's)
        reply = DecodeReply(job, "worker", f"the sound cannot be decoded ({type(error).__name__}).")
    finally:
        os.close(source)
        os.close(target)
    link.send(pack_reply(reply))
    return True


def _max_samples(sound: Sound, n_bytes: int, limits: DecodeLimits) -> int:
    """Check the file's header, and return the allowed number of samples of one channel."""
    if not limits.min_rate_hz <= sound.rate_hz <= limits.max_rate_hz:
        raise _LimitError(
            f"the sample rate must be from {limits.min_rate_hz} to {limits.max_rate_hz} Hz. Got {sound.rate_hz} Hz."
        )
    if sound.channels > limits.max_channels:
        raise _LimitError(f"the sound must have at most {limits.max_channels} channels. Got {sound.channels}.")
    max_samples = min(
        int(limits.max_s * sound.rate_hz),
        limits.max_samples // sound.channels,
        limits.max_expansion * n_bytes // (4 * sound.channels),
    )
    # The frame count of an MP3 header is an estimate.
    if sound.format != "MP3" and sound.n_frames is not None and sound.n_frames > max_samples:
        raise _too_long(sound, sound.n_frames, limits, n_bytes)
    return max_samples


def _too_long(sound: Sound, n_samples: int, limits: DecodeLimits, n_bytes: int) -> _LimitError:
    return _LimitError(
        f"the sound must be at most {limits.max_s:g} s long, {limits.max_samples} samples of all channels, and "
        f"{limits.max_expansion} times its file's size once it is decoded. This one, of {n_bytes} bytes, has at least "
        f"{n_samples} frames of {sound.channels} channel(s) at {sound.rate_hz} Hz. Split it."
    )


def _write(target: int, content: memoryview) -> None:
    while content:
        content = content[os.write(target, content) :]


def _warm_up() -> None:
    """Decode each format once, so that lazy imports happen before the fork and before memory is limited."""
    import io

    import soundfile

    for form in ("WAV", "FLAC", "OGG", "MP3"):
        content = io.BytesIO()
        soundfile.write(content, np.zeros(1024, np.float32), 8000, format=form)
        source, target = os.memfd_create("warm"), os.memfd_create("samples")
        os.write(source, content.getvalue())
        os.lseek(source, 0, os.SEEK_SET)
        decode(source, target, DecodeLimits())
        os.close(source)
        os.close(target)
        if form == "WAV" and is_installed():
            with contextlib.closing(FfmpegDecoder(io.BytesIO(content.getvalue()), "the sound", form)) as decoder:
                decoder.read(1)


if __name__ == "__main__":
    main()
