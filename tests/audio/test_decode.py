import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio import decode
from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import open_sound, read
from auricle.errors import AudioError, UsageError

Encode = Callable[..., bytes]
Save = Callable[..., Path]
Noise = Callable[..., Samples]

LOSSY = {"vorbis", "opus", "mp3"}


def test_every_format_decodes_to_its_samples(kind: str, encoded: Encode, saved: Save, noise: Noise) -> None:
    samples = noise(5003)
    path = saved(encoded(samples, 16_000, kind))
    clip = read(path)
    assert clip.rate_hz == 16_000
    assert clip.source == str(path)
    assert clip.samples.shape == samples.shape
    if kind in LOSSY:
        assert np.corrcoef(clip.samples, samples)[0, 1] > 0.8
    else:
        assert np.abs(clip.samples - samples).max() < (1e-2 if kind == "wav8" else 1e-4)


def test_bytes_and_file_objects_equal_the_path(kind: str, encoded: Encode, saved: Save, noise: Noise) -> None:
    path = saved(encoded(noise(4000), 16_000, kind))
    expected = read(path, rate_hz=8000).samples
    assert np.array_equal(read(path.read_bytes(), rate_hz=8000).samples, expected)
    with path.open("rb") as file:
        assert np.array_equal(read(file, rate_hz=8000).samples, expected)
    assert np.array_equal(read(str(path), rate_hz=8000).samples, expected)


@pytest.mark.parametrize("rate_hz", [None, 11_025])
def test_block_size_never_changes_a_bit(
    kind: str, rate_hz: int | None, encoded: Encode, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(noise(6000, 2), 16_000, kind)
    whole = read(content, rate_hz=rate_hz).samples
    for block_values in (7, 1000, 4096):
        monkeypatch.setattr(decode, "_BLOCK_VALUES", block_values)
        with open_sound(content) as sound:
            blocks = list(sound.blocks(rate_hz=rate_hz))
        assert len(blocks) > 1
        assert min(block.size for block in blocks) > 0
        assert np.array_equal(np.concatenate(blocks), whole), block_values


def test_part_equals_that_of_the_whole_file(kind: str, encoded: Encode, noise: Noise) -> None:
    content = encoded(noise(20_000), 16_000, kind)
    whole = read(content).samples
    part = read(content, start_s=0.3, end_s=1.001)
    assert np.array_equal(part.samples, whole[4800:16_016])
    assert part.start_s == 0.3
    assert np.array_equal(read(content, start_s=1.0).samples, whole[16_000:])


def test_header_of_an_open_sound(kind: str, encoded: Encode, noise: Noise) -> None:
    with open_sound(encoded(noise(5003, 2), 16_000, kind)) as sound:
        assert (sound.rate_hz, sound.channels, sound.n_frames) == (16_000, 2, 5003)
        assert sound.format in {"WAV", "FLAC", "OGG", "MP3", "AIFF"}


@pytest.mark.parametrize("name", ["a.mp3", "a.vox", "a", "a.txt"])
def test_file_name_does_not_matter(name: str, encoded: Encode, saved: Save, noise: Noise) -> None:
    samples = noise(100)
    assert np.array_equal(read(saved(encoded(samples, 8000, "float"), name)).samples, samples)


@pytest.mark.parametrize("name", ["a.wav", "a.vox", "a.au", "a.gsm", "a.raw", "a.mp3"])
def test_text_is_refused_under_any_name(name: str, saved: Save) -> None:
    with pytest.raises(AudioError, match=r"a\.\w+: not sound that auricle reads .*begins with b'It was the best "):
        read(saved(b"It was the best of times, it was the worst of times. " * 100, name))


def test_file_of_one_sample(encoded: Encode) -> None:
    assert read(encoded(np.array([0.5], np.float32), 8000, "wav16")).samples.tolist() == [0.5]


def test_one_sample_may_be_too_short_to_resample(encoded: Encode) -> None:
    with pytest.raises(AudioError, match=r"at least one sample long at 8000 Hz. It is shorter"):
        read(encoded(np.array([0.5], np.float32), 48_000, "wav16"), rate_hz=8000)


@pytest.mark.parametrize("kind", ["wav16", "aiff"])
def test_file_without_samples_raises(kind: str, encoded: Encode) -> None:
    with pytest.raises(AudioError, match=r"at least one sample"):
        read(encoded(np.zeros(0, np.float32), 8000, kind))


def test_empty_file_raises(saved: Save) -> None:
    with pytest.raises(AudioError, match=r"quiet.wav: the file is empty \(0 bytes\)"):
        read(saved(b"", "quiet.wav"))


@pytest.mark.parametrize("kind", ["wav16", "wav24", "float", "rf64", "flac16", "aiff", "aifc"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
def test_truncated_file_raises(kind: str, kept: float, encoded: Encode, saved: Save, noise: Noise) -> None:
    content = encoded(noise(30_000), 16_000, kind)
    with pytest.raises(AudioError, match=r"cut.bin: .*(truncated|damaged).*opy it again"):
        read(saved(content[: int(kept * len(content))], "cut.bin"))


@pytest.mark.parametrize("kind", ["flac16", "vorbis", "opus"])
def test_damaged_middle_raises(kind: str, encoded: Encode, noise: Noise, rng: np.random.Generator) -> None:
    content = bytearray(encoded(noise(100_000), 16_000, kind))
    middle = len(content) // 2
    content[middle : middle + 1500] = rng.bytes(1500)
    with pytest.raises(AudioError, match=r"damaged"):
        read(bytes(content))


@pytest.mark.parametrize("kind", ["wav16", "flac16", "vorbis", "mp3", "aiff"])
def test_header_alone_raises(kind: str, encoded: Encode, noise: Noise) -> None:
    with pytest.raises(AudioError, match=r"bytes: .*(truncated|damaged|at least one sample)"):
        read(encoded(noise(5000), 16_000, kind)[:20])


def test_claimed_length_is_never_allocated(encoded: Encode, noise: Noise) -> None:
    content = bytearray(encoded(noise(1000), 16_000, "flac16"))
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"  # 2^36 - 1 frames, 256 GiB of float32
    with open_sound(bytes(content)) as sound:
        assert sound.n_frames == 2**36 - 1
        with pytest.raises(AudioError, match=r"promises 68719476735 frames, and the sound ends at frame 1000"):
            list(sound.blocks())


def test_flac_of_unknown_length_is_read_to_its_end(encoded: Encode, noise: Noise) -> None:
    content = bytearray(encoded(noise(1000), 16_000, "flac16"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    assert read(bytes(content)).samples.size == 1000


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 36])
def test_a_wav_from_a_pipe_is_read_to_its_end(claim: int, raw_wav: Encode, saved: Save) -> None:
    content = raw_wav(claim=claim)
    assert read(content).samples.size == 1000
    assert read(saved(content)).samples.size == 1000
    assert np.array_equal(read(content, start_s=0.01).samples, read(raw_wav()).samples[160:])


@pytest.mark.parametrize(("rate_hz", "got"), [(0, "0 Hz or less"), (2_000_000, "2000000 Hz")])
def test_sample_rate_out_of_range_raises(rate_hz: int, got: str, raw_wav: Encode) -> None:
    with pytest.raises(AudioError, match=f"sample rate must be from 1 to 1000000 Hz. Got {got}"):
        read(raw_wav(rate_hz))


def test_zero_channels_raise(raw_wav: Encode) -> None:
    with pytest.raises(AudioError, match=r"Channel count is zero"):
        read(raw_wav(channels=0))


def test_more_than_32_channels_raise(encoded: Encode, noise: Noise, saved: Save) -> None:
    path = saved(encoded(noise(10, 64), 16_000, "wav16"), "array.wav")
    with pytest.raises(AudioError, match=r"array.wav: at most 32 channels are mixed to one. Got 64"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_error_names_the_first_sample_that_is_not_finite(value: float, encoded: Encode, noise: Noise) -> None:
    stereo = noise(200_000, 2)
    stereo[123_456, 1] = value
    with pytest.raises(AudioError, match=r"Sample 123456 \(7.716 s\) is -?(nan|inf). Repair or remove"):
        read(encoded(stereo, 16_000, "float"))


def test_float64_beyond_float32_is_not_finite() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.array([0.0, 1e300]), 8000, format="WAV", subtype="DOUBLE")
    with pytest.raises(AudioError, match=r"Sample 1 \(0.000 s\) is inf"):
        read(buffer.getvalue())


def test_unsupported_wav_subtype_raises() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(3200), 8000, format="WAV", subtype="GSM610")
    with pytest.raises(AudioError, match=r"does not read WAV with GSM610. Convert it"):
        read(buffer.getvalue())


def test_read_accepts_a_clip(noise: Noise) -> None:
    clip = Clip(noise(16_000), 16_000, source="mic")
    part = read(clip, start_s=0.25, end_s=0.5, rate_hz=8000)
    assert (part.samples.size, part.rate_hz, part.start_s, part.source) == (2000, 8000, 0.25, "mic")
    with pytest.raises(AudioError, match=r"mic: the part from 2.000 s to its end must lie within .* 1.000 s long"):
        read(clip, start_s=2)


@pytest.mark.parametrize("kind", ["wav16", "mp3"])
def test_part_outside_the_file_raises(kind: str, encoded: Encode, noise: Noise) -> None:
    content = encoded(noise(16_000), 16_000, kind)
    assert read(content, start_s=0.5, end_s=1.02).samples.size == 8000
    with pytest.raises(AudioError, match=r"the part from 0.500 s to 1.500 s must lie within .* 1.000 s long"):
        read(content, start_s=0.5, end_s=1.5)
    with pytest.raises(AudioError, match=r"the part from 1.500 s to its end must lie within"):
        read(content, start_s=1.5)


@pytest.mark.parametrize(("start_s", "end_s"), [(-1, None), (0.5, 0.5), (0.5, 0.1), (0, np.inf), (np.nan, None)])
def test_invalid_part_raises(start_s: float, end_s: float | None, encoded: Encode, noise: Noise) -> None:
    with pytest.raises(UsageError, match=r"`(start|end)_s` must be"):
        read(encoded(noise(100), 100, "wav16"), start_s=start_s, end_s=end_s)


def test_blocks_are_read_once(encoded: Encode, noise: Noise) -> None:
    with open_sound(encoded(noise(100), 8000, "wav16")) as sound:
        list(sound.blocks())
        with pytest.raises(UsageError, match=r"read once. Open it again"):
            next(sound.blocks())


def test_descriptors_are_closed(encoded: Encode, noise: Noise, saved: Save) -> None:
    good, bad = saved(encoded(noise(100), 8000, "wav16"), "good"), saved(b"prose", "bad")
    with open_sound(good) as sound:
        free = sound._decoder._file.name + 1
    for _ in range(10):
        read(good)
        with pytest.raises(AudioError):
            read(bad)
    with good.open("rb") as file:
        assert file.fileno() < free


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["esc10", "fsdd", "commands", "motor", "cry"])
def test_real_recordings_are_read(name: str, recordings_dir: Path) -> None:
    paths = sorted((recordings_dir / name / "clips").iterdir())[::40]
    assert paths
    for path in paths:
        clip = read(path, rate_hz=16_000)
        with open_sound(path) as sound:
            assert sound.n_frames is not None
            assert clip.samples.size == pytest.approx(sound.n_frames / sound.rate_hz * 16_000, abs=1)
