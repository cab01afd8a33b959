import sys
import threading
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest

from auricle.errors import AudioError, UsageError
from auricle.prediction.live import microphone
from auricle.prediction.live.microphone import open_microphone


class PortAudioError(Exception):
    pass


class Devices(ModuleType):
    """Stand-in for sounddevice: one microphone that plays the blocks of ``sound`` from its own thread."""

    PortAudioError = PortAudioError

    def __init__(self, sound: list[np.ndarray], *, overflow_at: int = -1, ends: bool = False) -> None:
        super().__init__("sounddevice")
        self.sound, self.overflow_at, self.ends = sound, overflow_at, ends
        self.opened: dict[str, Any] = {}

    def query_devices(self, device: Any = None, kind: str | None = None) -> Any:
        one = {"name": "USB mic", "default_samplerate": 8000.0, "max_input_channels": 1}
        if kind is None:
            return [one, {"name": "speaker", "default_samplerate": 8000.0, "max_input_channels": 0}]
        if device not in (None, 0, "USB"):
            raise ValueError(f"No input device matching {device!r}")
        return one

    def InputStream(self, *, callback: Any, **options: Any) -> "Stream":  # noqa: N802
        self.opened = options
        if options["samplerate"] == 1:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        return Stream(self, callback)


class Stream:
    def __init__(self, devices: Devices, callback: Any) -> None:
        self.devices, self.callback, self.active = devices, callback, True

    def play(self) -> None:
        for index, block in enumerate(self.devices.sound):
            status = SimpleNamespace(input_overflow=index == self.devices.overflow_at)
            self.callback(block.reshape(-1, 1), block.size, None, status)
        self.active = not self.devices.ends

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.play)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(sound: list[np.ndarray], **options: Any) -> Devices:
        made = Devices(sound, **options)
        monkeypatch.setitem(sys.modules, "sounddevice", made)
        return made

    return install


@pytest.fixture
def sound() -> list[np.ndarray]:
    return np.split(np.linspace(-1, 1, 1600, dtype=np.float32), 10)


def ended_after(n_blocks: int) -> Any:
    ended: Iterator[bool] = iter([False] * n_blocks + [True])
    return lambda: next(ended)


def test_blocks_come_in_order(devices, sound) -> None:
    made = devices(sound)
    with open_microphone(has_ended=ended_after(10)) as opened:
        assert (opened.rate_hz, opened.name) == (8000, "USB mic")
        recorded = list(opened.blocks)
    np.testing.assert_array_equal(np.concatenate(recorded), np.concatenate(sound))
    assert made.opened == {"samplerate": 8000, "blocksize": 160, "device": None, "channels": 1, "dtype": "float32"}


@pytest.mark.parametrize(("device", "chosen"), [("0", 0), ("USB", "USB")])
def test_a_device_is_selected_by_number_or_name(device: str, chosen: object, devices, sound) -> None:
    made = devices(sound)
    with open_microphone(device, rate_hz=48_000, has_ended=ended_after(1)) as opened:
        assert opened.rate_hz == 48_000
        list(opened.blocks)
    assert (made.opened["device"], made.opened["samplerate"], made.opened["blocksize"]) == (chosen, 48_000, 960)


def test_a_missing_microphone_is_an_error_that_lists_the_others(devices, sound) -> None:
    devices(sound)
    says = r"'Studio' cannot be opened \(No input device matching 'Studio'\)\. There are: USB mic\."
    with pytest.raises(AudioError, match=says), open_microphone("Studio"):
        pass
    with pytest.raises(AudioError, match=r"the default one cannot be opened \(Invalid sample rate"):
        open_microphone(rate_hz=1).__enter__()


def test_lost_sound_is_an_error(devices, sound, monkeypatch: pytest.MonkeyPatch) -> None:
    devices(sound, overflow_at=3)
    with open_microphone() as opened, pytest.raises(AudioError, match="'USB mic' lost sound: the computer was"):
        list(opened.blocks)
    monkeypatch.setattr(microphone, "_MAX_QUEUED_BLOCKS", 4)
    devices(sound)
    with open_microphone() as opened, pytest.raises(AudioError, match="predictions take longer than the sound"):
        list(opened.blocks)


def test_an_unplugged_microphone_is_an_error(devices, sound) -> None:
    devices(sound, ends=True)
    with open_microphone() as opened, pytest.raises(AudioError, match=r"'USB mic' stopped\. Was it unplugged\?"):
        list(opened.blocks)


def test_a_missing_library_is_an_error_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UsageError, match=r"pip install 'auricle\[mic\]'"):
        open_microphone().__enter__()

    def no_library(_: str) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(microphone.importlib, "import_module", no_library)
    with pytest.raises(UsageError, match=r"needs the PortAudio library\. PortAudio library not found\. On Debian"):
        open_microphone().__enter__()
