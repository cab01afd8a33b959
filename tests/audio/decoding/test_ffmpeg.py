"""Formats of the extra: the first track of sound, decoded in order, as FFmpeg decodes it."""

import io
from typing import Any

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.audio.decode import open_sound, read
from auricle.errors import AudioError

av: Any = pytest.importorskip("av")

FORMS = {
    "aac": ("mp4", "aac", "fltp"),
    "alac": ("mp4", "alac", "s16p"),
    "opus": ("webm", "libopus", "s16"),
    "caf": ("caf", "pcm_s16le", "s16"),
    "adts": ("adts", "aac", "fltp"),
}


def encode(samples: Samples, form: str, rate_hz: int = 48_000, tracks: int = 1) -> bytes:
    """Return a file of a form, each track with the same samples."""
    container, codec, layout = FORMS[form]
    content = io.BytesIO()
    with av.open(content, "w", format=container) as output:
        streams = [output.add_stream(codec, rate=rate_hz, layout="mono") for _ in range(tracks)]
        for stream in streams:
            values = samples[np.newaxis] if layout == "fltp" else np.int16(samples * 32_768)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(values, format=layout, layout="mono")
            frame.sample_rate, frame.pts = rate_hz, 0
            resampler = av.AudioResampler(format=stream.codec_context.format or layout, rate=rate_hz)
            for piece in resampler.resample(frame):
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
    return content.getvalue()


@pytest.fixture
def tone() -> Samples:
    """One second that fades in: 440 Hz."""
    time_s = np.arange(48_000) / 48_000
    return (0.5 * time_s * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)


@pytest.mark.parametrize("form", FORMS)
def test_a_format_of_the_extra_is_read(form: str, tone: Samples) -> None:
    with open_sound(encode(tone, form)) as sound:
        assert (sound.rate_hz, sound.channels, sound.n_frames) == (48_000, 1, None)
        samples = np.concatenate(list(sound.blocks()))
    assert abs(samples.size - tone.size) <= 3 * 1024
    late = [np.sqrt(np.mean((samples[20_000 + n : 24_000 + n] - tone[20_000:24_000]) ** 2)) for n in range(-3000, 3000)]
    assert min(late) < 0.02


@pytest.mark.parametrize("form", ["alac", "caf"])
def test_lossless_forms_are_exact(form: str, tone: Samples) -> None:
    np.testing.assert_array_equal(read(encode(tone, form)).samples, np.int16(tone * 32_768) / np.float32(32_768))


def test_a_part_is_that_of_the_whole(tone: Samples) -> None:
    content = encode(tone, "alac")
    whole = read(content).samples
    np.testing.assert_array_equal(read(content, start_s=0.25, end_s=0.5).samples, whole[12_000:24_000])


def test_a_file_without_sound_is_refused() -> None:
    content = io.BytesIO()
    with av.open(content, "w", format="matroska") as output:
        video = output.add_stream("mpeg4", rate=25)
        video.width = video.height = 16
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        output.mux(video.encode(frame))
        output.mux(video.encode(None))
    with pytest.raises(AudioError, match=r"the file must hold a track of sound\. It holds none"):
        read(content.getvalue())


def test_a_truncated_file_is_an_error_or_shorter(tone: Samples) -> None:
    content = encode(tone, "aac")
    with pytest.raises(AudioError, match="the sound cannot be decoded"):
        read(content[: len(content) // 2])


def test_further_tracks_are_told(tone: Samples) -> None:
    with open_sound(encode(tone, "alac", tracks=2)) as sound:
        assert sound.left_out == ("tracks of sound after the first",)
    with open_sound(encode(tone, "alac")) as sound:
        assert sound.left_out == ()
