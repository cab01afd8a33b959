"""Open a microphone as an iterator of blocks of samples."""

import importlib
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio.clip import Samples
from auricle.errors import AudioError, UsageError

__all__ = ["BLOCK_S", "Microphone", "open_microphone"]

BLOCK_S = 0.02
"""Length of a block, and so the latency that a microphone adds to a prediction."""

_MAX_QUEUED_BLOCKS = 500  # ten seconds; a model that is farther behind will not catch up
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Microphone:
    """An open microphone: its rate, its name, and its blocks, float32 of one channel, until it ends."""

    rate_hz: int
    name: str
    blocks: Iterator[Samples]


@contextmanager
def open_microphone(
    device: str | None = None, *, rate_hz: int | None = None, has_ended: Callable[[], bool] = lambda: False
) -> Iterator[Microphone]:
    """Open a microphone; needs sounddevice.

    Parameters
    ----------
    device : str, optional
        A part of its name, or its number; None for the system's default.
    rate_hz : int, optional
        None for the device's own.
    has_ended : function
        Called several times a second; returns whether to stop recording.

    Raises
    ------
    UsageError : sounddevice or the PortAudio library is not installed
    AudioError : there is no such microphone, or it cannot be opened at this rate; while recording: sound was lost
        because predictions take longer than the sound, or the device stopped
    """
    sounddevice = _sounddevice()
    recorded: queue.Queue[Samples] = queue.Queue(_MAX_QUEUED_BLOCKS)
    losses: list[str] = []

    def record(samples: Samples, n_frames: int, time: Any, status: Any) -> None:  # noqa: ARG001  (PortAudio's signature)
        # In PortAudio's own thread, which must neither wait nor raise. Lost samples would shift all times after them.
        if status.input_overflow:
            losses.append("the computer was too busy to take it")
        try:
            recorded.put_nowait(samples[:, 0].copy())
        except queue.Full:
            losses.append("predictions take longer than the sound")

    selected = int(device) if device is not None and device.isdecimal() else device
    try:
        found = sounddevice.query_devices(selected, "input")
        rate = int(rate_hz or found["default_samplerate"])
        stream = sounddevice.InputStream(
            samplerate=rate,
            blocksize=round(BLOCK_S * rate),
            device=selected,
            channels=1,
            dtype="float32",
            callback=record,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(_cannot_open(sounddevice, device, error)) from error

    def blocks() -> Iterator[Samples]:
        while not has_ended():
            if losses:
                raise AudioError(f"The microphone {found['name']!r} lost sound: {losses[0]}. Use a longer `hop_s`.")
            try:
                yield np.ascontiguousarray(recorded.get(timeout=_POLL_S))
            except queue.Empty:
                if not stream.active:
                    raise AudioError(f"The microphone {found['name']!r} stopped. Was it unplugged?") from None

    with stream:
        yield Microphone(rate, str(found["name"]), blocks())


def _sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise UsageError("A microphone needs sounddevice: pip install 'auricle[mic]'.") from None
    except OSError as error:  # its wheel for Linux needs the system's C library
        raise UsageError(
            f"A microphone needs the PortAudio library. {error}. On Debian: apt-get install libportaudio2."
        ) from error


def _cannot_open(sounddevice: Any, device: str | None, error: Exception) -> str:
    inputs = [found["name"] for found in sounddevice.query_devices() if found["max_input_channels"]]
    name = "the default one" if device is None else repr(device)
    available = f"There are: {', '.join(inputs)}." if inputs else "This machine has none."
    return f"The microphone must be there and be free: {name} cannot be opened ({error}). {available}"
