import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.errors import AudioError, UsageError, WorkerError
from auricle.serving.decoder.messages import DecodeLimits, DecodeReply, pack_reply, unpack_reply
from auricle.serving.decoder.pool import DecoderPool

Put = Callable[[bytes], int]


def samples(decoders: DecoderPool, descriptor: int) -> np.ndarray:
    with decoders.decode(descriptor) as sound:
        return np.concatenate(list(sound.blocks()))


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
@pytest.mark.parametrize("channels", [1, 2])
def test_decoded_samples_equal_local_decoding(
    decoders: DecoderPool, in_memory: Put, sound_file: Callable[..., bytes], form: str, channels: int
) -> None:
    content = sound_file(20.0, rate_hz=16_000, form=form, channels=channels)
    found = samples(decoders, in_memory(content))
    np.testing.assert_array_equal(found, read(content).samples)


@pytest.mark.recordings
def test_files_that_people_brought_are_decoded_as_locally(
    decoders: DecoderPool, in_memory: Put, cases_dir: Path
) -> None:
    pytest.importorskip("av")
    for file in sorted((cases_dir / "sound").iterdir()):
        content = file.read_bytes()
        if file.stem == "trunc":
            with pytest.raises(AudioError, match="the sound: the file is truncated"):
                decoders.decode(in_memory(content))
        else:
            np.testing.assert_array_equal(samples(decoders, in_memory(content)), read(content).samples)


def test_header_of_a_decoded_sound(decoders: DecoderPool, in_memory: Put, sound_file: Callable[..., bytes]) -> None:
    with decoders.decode(in_memory(sound_file(0.5, rate_hz=44_100, channels=2))) as sound:
        assert (sound.rate_hz, sound.channels, sound.n_samples) == (44_100, 2, 22_050)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the sound: the file is empty"),
        (b"Call me Ishmael. Some years ago", r"the sound: not sound that auricle reads"),
        (b"CRASH", "died twice or was killed"),
        (b"HANG", "within 1 s. It was not"),
        (b"SPIN", "within 1 s. It was not"),
        (b"EAT", "more memory to decode"),
        (b"FORK", r"cannot be decoded \(PermissionError\)"),
        (b"WRITE", r"cannot be decoded \(PermissionError\)"),
        (b"LIE", "decoded samples must be valid sound"),
        (b"GROW", "decoded samples must be valid sound"),
        (b"SHRINK", r"cannot be decoded \(PermissionError\)"),
    ],
)
def test_a_harmful_sound_is_an_error_and_the_next_is_decoded(
    decoders: DecoderPool, in_memory: Put, sound_file: Callable[..., bytes], content: bytes, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        decoders.decode(in_memory(content))
    assert samples(decoders, in_memory(sound_file())).size == 8000


def test_decompression_bombs_are_refused(
    decoders: DecoderPool, in_memory: Put, giant_flac: bytes, endless_vorbis: bytes
) -> None:
    with pytest.raises(AudioError, match=r"at most 600 s long.*at least 68719476735 frames"):
        decoders.decode(in_memory(giant_flac))
    with pytest.raises(AudioError, match="at most 600 s long"):
        decoders.decode(in_memory(endless_vorbis))


def test_threads_share_the_pool(decoders: DecoderPool, in_memory: Put, sound_file: Callable[..., bytes]) -> None:
    contents = [sound_file(0.1, seed=seed) for seed in range(8)]
    descriptors = [in_memory(contents[i % 8] if i % 5 else b"CRASH") for i in range(60)]  # more than a process takes

    def size(descriptor: int) -> int:
        try:
            return samples(decoders, descriptor).size
        except AudioError:
            return 0

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(size, descriptors))
    assert found == [800 if i % 5 else 0 for i in range(60)]


def test_a_killed_fork_server_is_restarted(in_memory: Put, sound_file: Callable[..., bytes]) -> None:
    pool = DecoderPool(DecodeLimits(), size=2)
    try:
        os.kill(pool._fork_server.pid, signal.SIGKILL)
        time.sleep(0.1)
        for _ in range(5):
            assert samples(pool, in_memory(sound_file())).size == 8000
    finally:
        pool.close()


def test_close_leaves_no_descriptors(in_memory: Put, sound_file: Callable[..., bytes]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    pool = DecoderPool(DecodeLimits(max_jobs=2), size=2)
    sound = in_memory(sound_file())
    for _ in range(7):
        samples(pool, sound)
    pool.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1  # the sound


def test_a_program_that_does_not_start_is_an_error() -> None:
    with pytest.raises(WorkerError, match="died before it was ready"):
        DecoderPool(DecodeLimits(), program=(sys.executable, "-c", ""))
    with pytest.raises(WorkerError, match="It cannot: No such file"):
        DecoderPool(DecodeLimits(), program=("/nowhere/python",))


def test_systems_other_than_linux_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match=r"need Linux\. This is darwin"):
        DecoderPool(DecodeLimits())


def test_malformed_replies_are_rejected() -> None:
    verdict = DecodeReply(7, "audio", "damaged")
    assert unpack_reply(pack_reply(verdict)) == verdict
    assert unpack_reply(pack_reply(DecodeReply(7, "audio", "a\x1b[31m\n"))).message == "a�[31m�"
    for packet in (b"", b"AURD", b"x" * 40, pack_reply(verdict)[:16] + b"\xff"):
        assert unpack_reply(packet) is None
