"""The pool of limited processes that decode strangers' sound: bytes go in and samples come out by descriptors."""

import contextlib
import fcntl
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np

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

__all__ = ["DECODER_PROGRAM", "DecodedSound", "DecoderPool"]

DECODER_PROGRAM: Final = (sys.executable, "-P", "-m", "auricle.serving.decoder.process")
_START_S: Final = 30.0
_BLOCK_SAMPLES: Final = 1 << 18


class DecodedSound:
    """A decoded sound: its samples lie in memory that nobody can change any more. A context manager.

    Attributes
    ----------
    rate_hz : samples a second
    channels : how many were mixed to one
    n_samples : samples of one channel
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
        """Yield the sound in blocks of bounded size: float32, shape (n,)."""
        left, at = self.n_samples, HEADER.size
        while left:
            block = np.empty(min(left, _BLOCK_SAMPLES), np.float32)
            if os.preadv(self._descriptor, [block.data], at) != block.nbytes:
                raise WorkerError("Decoded samples must stay where they are. Some are gone.")
            yield block
            left -= block.size
            at += block.nbytes

    def close(self) -> None:
        """Free the samples."""
        os.close(self._descriptor)


@dataclass(slots=True)
class _Process:
    link: socket.socket
    process: int
    """A descriptor: a process id could be somebody else's by the time it is used."""
    n_jobs: int = 0

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.process, signal.SIGKILL)  # it holds nothing that could be lost
        os.close(self.process)
        self.link.close()


class DecoderPool:
    """Decodes untrusted sound in processes that may crash, hang or eat memory without anybody else noticing.

    One pool may serve many threads; each sound waits until a process is free.

    Parameters
    ----------
    limits : what a sound may be, and what decoding it may take
    size : processes side by side
    program : the command that becomes the nursery; tests give one whose decoder misbehaves

    Raises
    ------
    UsageError : not on Linux, where there are the means to limit a process so
    WorkerError : the processes cannot start
    """

    def __init__(self, limits: DecodeLimits, *, size: int = 2, program: Sequence[str] = DECODER_PROGRAM) -> None:
        if sys.platform != "linux":
            raise UsageError(
                "Strangers' sound is decoded in limited processes, which need Linux. This is "
                f"{sys.platform}: serve there, or predict files of your own with `auricle predict`."
            )
        self.limits = limits
        self._program = program
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        self._lock = threading.Lock()  # of the nursery
        self._jobs = itertools.count()
        self._is_closed = False
        self._fork_server, self._link = self._begin()
        for _ in range(size):
            self._free.put(self._fork())

    def decode(self, sound: int) -> DecodedSound:
        """Decode the sound behind a descriptor of its own memory, which stays open; blocks until it is done.

        Raises
        ------
        AudioError : no sound, damaged, beyond the limits, or one that its decoder crashes, hangs or starves over
        WorkerError : no process can be started
        """
        target = os.memfd_create("samples", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            # So that a process which a stranger has taken over can pull nothing away from under the reader.
            fcntl.fcntl(target, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            self._decode(sound, target)
            return DecodedSound(target, self._header(target))
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
                process.end()
        with self._lock:
            self._link.close()
            self._fork_server.kill()
            self._fork_server.wait()

    def _decode(self, sound: int, target: int) -> None:
        # Once more where a process died: something else may have ended it, and sounds are not to blame for that.
        reply = self._attempt(sound, target) or self._attempt(sound, target)
        if reply is None:
            raise AudioError(
                f"the sound must be decoded within {self.limits.wall_s:g} s and {self.limits.memory_bytes >> 20} MiB. "
                "The process that tried it died twice or was stopped: the file is damaged, or made to do harm. "
                "Convert it, for example to FLAC."
            )
        if reply.kind != "ok":
            raise AudioError(reply.message)

    def _attempt(self, sound: int, target: int) -> DecodeReply | None:
        """Let one process try it, and return what it says; None if it died or babbled.

        Raises
        ------
        AudioError : it was not done in time, and the process was killed
        WorkerError : no process can be started
        """
        process = self._free.get()
        fit: _Process | None = None
        try:
            process = process or self._fork()
            job = next(self._jobs)
            reply = self._ask(process, job, sound, target)
            if reply is None or reply.job != job:
                return None
            process.n_jobs += 1
            if process.n_jobs < self.limits.max_jobs and not self._is_closed:
                fit = process
            return reply
        except TimeoutError:
            raise AudioError(
                f"the sound must be decoded within {self.limits.wall_s:g} s. It was not: send it in parts, or convert "
                "it, for example to FLAC."
            ) from None
        finally:
            if process is not None and fit is None:
                process.end()
            self._free.put(fit)

    def _ask(self, process: _Process, job: int, sound: int, target: int) -> DecodeReply | None:
        # Opened anew: the right to write belongs to an open file, and would be passed on with it.
        source = os.open(f"/proc/self/fd/{sound}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            process.link.settimeout(self.limits.wall_s)
            socket.send_fds(process.link, [pack_request(job)], [source, target])
            return unpack_reply(process.link.recv(MAX_PACKET_BYTES))
        except TimeoutError:
            raise
        except OSError:
            return None
        finally:
            os.close(source)

    def _header(self, target: int) -> Header:
        try:
            fcntl.fcntl(target, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        except OSError:  # still mapped for writing: no decoder of ours does that
            header = None
        else:
            header = Header.read(target, self.limits)
        if header is None:
            raise AudioError("the sound was decoded to something that is no sound: the file is made to do harm.")
        return header

    def _fork(self) -> _Process:
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
                if not packet and not self._is_closed:  # the nursery itself is gone
                    self._fork_server.kill()
                    self._fork_server.wait()
                    self._link.close()
                    self._fork_server, self._link = self._begin()
        raise WorkerError("A decoding process must start. It cannot: is there memory for one more?")

    def _begin(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = str(theirs.fileno())
            try:
                process = subprocess.Popen(  # noqa: S603
                    [*self._program, number, json.dumps(asdict(self.limits))],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # A secret of the server's environment is none of theirs.
                    env={"PATH": os.defpath, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **_python()},
                )
            except OSError as error:
                ours.close()
                raise WorkerError(f"A decoding process must start. It cannot: {error.strerror}.") from error
        ours.settimeout(_START_S)
        try:
            is_ready = ours.recv(16) != b""
        except OSError:
            is_ready = False
        if not is_ready:
            ours.close()
            process.kill()
            raise WorkerError(f"A decoding process must start. It died before it was ready, with {process.wait()}.")
        return process, ours


def _python() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH") if name in os.environ}
