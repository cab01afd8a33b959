import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.errors import AudioError


def test_samples_become_contiguous_float32() -> None:
    clip = Clip(np.arange(8.0)[::2], 4)
    assert clip.samples.dtype == np.float32
    assert clip.samples.flags.c_contiguous
    assert clip.duration_s == 1.0


def test_float32_samples_are_not_copied() -> None:
    samples = np.zeros(5, np.float32)
    assert Clip(samples, 1).samples is samples


@pytest.mark.parametrize("shape", [(0,), (2, 3)])
def test_a_clip_is_one_channel_of_at_least_one_sample(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"mic: samples must be one channel of at least one sample. Got shape"):
        Clip(np.zeros(shape, np.float32), 8000, source="mic")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_error_names_the_first_sample_that_is_not_finite(value: float) -> None:
    with pytest.raises(AudioError, match=r"mic: every sample must be finite. Sample 2 \(0.002 s\) is (nan|inf)"):
        Clip(np.array([0, 0, value], np.float32), 1000, source="mic")


def test_rate_below_one_hz_raises() -> None:
    with pytest.raises(AudioError, match=r"sample rate must be at least 1 Hz. Got 0"):
        Clip(np.zeros(1, np.float32), 0)


@pytest.mark.parametrize("samples", [None, "a.wav", {"a": 1}, ([0.0], [0.0, 1.0])])
def test_what_holds_no_samples_gets_a_sentence(samples: object) -> None:
    with pytest.raises(AudioError, match=r"^array: .*Got|^array: every sample must be finite"):
        Clip(samples, 8000)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.int64, bool])
def test_integers_are_refused_with_their_full_scale(dtype: type) -> None:
    with pytest.raises(AudioError, match=r"array: samples must be floating point, .* for int16 by 32768"):
        Clip(np.ones(8, dtype), 4)
