"""Pool of sandboxed processes that decode untrusted sound: a file descriptor in, samples in sealed memory out."""

import contextlib
import fcntl
import itertools
import json
import math
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self

import numpy as np

from auricle.audio.channels import MEAN
from auricle.audio.clip import Samples
from auricle.errors import AudioError, UsageError, WorkerError
from auricle.serving.decoder.messages import (
    HEADER,
    MAX_PACKET_BYTES,
    DecodeLimits,
    DecodeReply,
    Header,
    pack_request,
    unpack_reply,
)

__all__ = ["DECODER_PROGRAM", "DecodedSound", "DecoderPool", "LongSoundError"]

DECODER_PROGRAM: Final = (sys.executable, "-P", "-m", "auricle.serving.decoder.process")
_START_S: Final = 30.0
_BLOCK_SAMPLES: Final = 1 << 18


class LongSoundError(Exception):
    """The sound is longer than was asked for, or takes longer to decode than a short one may."""


class DecodedSound:
    """A decoded sound in sealed memory; a context manager, which frees it.

    Attributes
    ----------
    rate_hz : int
        Sample rate.
    channels : int
        Channels of the file.
    n_samples : int
        Samples of the one channel.
    """

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        self.rate_hz = header.rate_hz
        self.channels = header.channels
        self.n_samples = header.n_samples

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def blocks(self) -> Iterator[Samples]:
        """Yield the samples in blocks of bounded size: float32, shape (n,)."""
        n_left, offset = self.n_samples, HEADER.size
        while n_left:
            block = np.empty(min(n_left, _BLOCK_SAMPLES), np.float32)
            if os.preadv(self._descriptor, [block.data], offset) != block.nbytes:
                raise WorkerError("Decoded samples must stay in memory. Some are missing.")
            yield block
            n_left -= block.size
            offset += block.nbytes

    def close(self) -> None:
        """Free the samples."""
        os.close(self._descriptor)


@dataclass(slots=True)
class _Process:
    link: socket.socket
    pidfd: int
    """A process descriptor, because process ids are reused."""
    n_jobs: int = 0

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)  # it has no state to lose
        os.close(self.pidfd)
        self.link.close()


class DecoderPool:
    """Decodes untrusted sound in processes that may crash, hang or exhaust their memory without harm to the server.

    Threads may share a pool; each sound waits until a process is free.

    Parameters
    ----------
    limits : DecodeLimits
    size : int
        Number of processes.
    program : sequence of str
        Command of the fork server; tests pass one with a misbehaving decoder.

    Raises
    ------
    UsageError : the system is not Linux, which has the means to sandbox a process
    WorkerError : the processes cannot start
    """

    def __init__(self, limits: DecodeLimits, *, size: int = 2, program: Sequence[str] = DECODER_PROGRAM) -> None:
        if sys.platform != "linux":
            raise UsageError(
                "Serving decodes untrusted sound in sandboxed processes, which need Linux. This is "
                f"{sys.platform}: serve on Linux, or predict your own files with `auricle predict`."
            )
        self.limits = limits
        self._program = program
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()  # None: to be spawned
        self._lock = threading.Lock()  # of the fork server
        self._jobs = itertools.count()
        self._is_closed = False
        self.confinement: tuple[str, ...] = ()
        """How the processes are confined on this machine: ``limits``, ``network``, ``system calls``."""
        self._fork_server, self._link = self._start_fork_server()
        for _ in range(size):
            self._free.put(self._spawn())

    def decode(
        self, sound: int, *, long_s: float = math.inf, wall_s: float = math.inf, channel: str = MEAN
    ) -> DecodedSound:
        """Decode the sound of a memory file descriptor, which stays open; blocks until it is done.

        Parameters
        ----------
        sound : int
        long_s : float
            Seconds beyond which a sound is left, by `LongSoundError`.
        wall_s : float
            Seconds of decoding after which a sound is left so too, if they are fewer than the pool's limit.
        channel : str
            Channel that the model hears.

        Raises
        ------
        AudioError : the content is not sound, damaged or beyond the limits, or it crashed or stalled its decoder
        WorkerError : no process can be started
        """
        target = os.memfd_create("samples", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            # A compromised process must not truncate the memory under its reader.
            fcntl.fcntl(target, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            self._decode(sound, target, long_s, wall_s, channel)
            return DecodedSound(target, self._read_header(target))
        except BaseException:
            os.close(target)
            raise

    def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        while True:
            try:
                process = self._free.get_nowait()
            except queue.Empty:
                break
            if process is not None:
                process.kill()
        with self._lock:
            self._link.close()
            self._fork_server.kill()
            self._fork_server.wait()

    def _decode(self, sound: int, target: int, long_s: float, wall_s: float, channel: str) -> None:
        # One retry if the process died: the sound may not be the cause.
        attempt = partial(self._attempt, sound, target, long_s, wall_s, channel)
        reply = attempt() or attempt()
        if reply is None:
            raise AudioError(
                f"the sound must be decoded within {self.limits.wall_s:g} s and {self.limits.memory_bytes >> 20} MiB. "
                "Its decoder died twice or was killed: the file is damaged or malicious. Convert it, for example to "
                "FLAC."
            )
        if reply.kind == "long":
            raise LongSoundError
        if reply.kind != "ok":
            raise AudioError(reply.message)

    def _attempt(self, sound: int, target: int, long_s: float, wall_s: float, channel: str) -> DecodeReply | None:
        """Decode in one process, and return its reply; None if it died or replied nonsense.

        Raises
        ------
        AudioError : decoding took too long, and the process was killed
        WorkerError : no process can be started
        """
        process = self._free.get()
        reusable: _Process | None = None
        try:
            process = process or self._spawn()
            process.link.settimeout(min(self.limits.wall_s, wall_s))
            job = next(self._jobs)
            reply = self._request(process, pack_request(job, long_s, channel), sound, target)
            if reply is None or reply.job != job:
                return None
            process.n_jobs += 1
            if process.n_jobs < self.limits.max_jobs and not self._is_closed:
                reusable = process
            return reply
        except TimeoutError:
            if wall_s < self.limits.wall_s:
                raise LongSoundError from None
            raise AudioError(
                f"the sound must be decoded within {self.limits.wall_s:g} s. It was not: split it, or convert it, for "
                "example to FLAC."
            ) from None
        finally:
            if process is not None and reusable is None:
                process.kill()
            self._free.put(reusable)

    def _request(self, process: _Process, packet: bytes, sound: int, target: int) -> DecodeReply | None:
        # Reopened read-only: the passed descriptor would otherwise carry the right to write.
        source = os.open(f"/proc/self/fd/{sound}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            socket.send_fds(process.link, [packet], [source, target])
            return unpack_reply(process.link.recv(MAX_PACKET_BYTES))
        except TimeoutError:
            raise
        except OSError:
            return None
        finally:
            os.close(source)

    def _read_header(self, target: int) -> Header:
        try:
            fcntl.fcntl(target, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        except OSError:  # still mapped for writing, by a compromised decoder
            header = None
        else:
            header = Header.read(target, self.limits)
        if header is None:
            raise AudioError("the decoded samples must be valid sound. They are not: the file is malicious.")
        return header

    def _spawn(self) -> _Process:
        """Fork a process, and restart the fork server if it is gone."""
        with self._lock:
            for _ in range(2):
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                try:
                    socket.send_fds(self._link, [b"spawn"], [theirs.fileno()])
                    packet, descriptors, _, _ = socket.recv_fds(self._link, MAX_PACKET_BYTES, 1)
                    if descriptors:
                        return _Process(ours, descriptors[0])
                except OSError:
                    packet = b""
                finally:
                    theirs.close()
                ours.close()
                if not packet and not self._is_closed:  # the fork server itself is gone
                    self._fork_server.kill()
                    self._fork_server.wait()
                    self._link.close()
                    self._fork_server, self._link = self._start_fork_server()
        raise WorkerError("A decoding process must start. It cannot: check that there is memory for one more.")

    def _start_fork_server(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = str(theirs.fileno())
            try:
                process = subprocess.Popen(  # noqa: S603
                    [*self._program, number, json.dumps(asdict(self.limits))],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # Without the server's environment, which may hold secrets.
                    env={"PATH": os.defpath, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **_python_paths()},
                )
            except OSError as error:
                ours.close()
                raise WorkerError(f"A decoding process must start. It cannot: {error.strerror}.") from error
        ours.settimeout(_START_S)
        try:
            ready = ours.recv(MAX_PACKET_BYTES)
        except OSError:
            ready = b""
        if not ready:
            ours.close()
            process.kill()
            code = process.wait()
            raise WorkerError(f"A decoding process must start. It died before it was ready, with exit code {code}.")
        self.confinement = tuple(json.loads(ready))
        return process, ours


def _python_paths() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH") if name in os.environ}
