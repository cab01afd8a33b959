from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.headers import hear_channel, read_headers
from auricle.errors import UsageError


def test_headers_hold_rate_and_duration_of_the_readable_recordings(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4000), 8000)
    soundfile.write(tmp_path / "b.flac", np.zeros(32_000), 16_000)
    (tmp_path / "c.wav").write_bytes(b"not sound")
    whole = [Example(tmp_path / name, "x", None, name) for name in ("a.wav", "b.flac", "c.wav")]
    part = Example(tmp_path / "b.flac", "x", None, "b.flac", start_s=0.5, end_s=0.75)
    open_end = Example(tmp_path / "b.flac", "x", None, "b.flac", start_s=0.5)
    headers = read_headers(Dataset((*whole, part, open_end), "classify"), workers=1)
    assert headers.rate_hz.tolist() == [8000, 16_000, 16_000, 16_000]
    assert headers.duration_s.tolist() == [0.5, 2.0, 0.25, 1.5]
    assert headers.examples.tolist() == [0, 1, 3, 4]
    assert headers.channels.tolist() == [1, 1, 1, 1]


def test_each_channel_is_a_recording_in_the_group_of_its_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mono.wav", np.zeros(4000), 8000)
    soundfile.write(tmp_path / "three.wav", np.zeros((4000, 3)), 8000)
    (tmp_path / "bad.wav").write_bytes(b"not sound")
    data = Dataset(
        tuple(Example(tmp_path / f"{name}.wav", "x", None, name) for name in ("mono", "bad", "three")), "classify"
    )
    headers = read_headers(data)
    heard = [(e.group, e.channel) for e in hear_channel(data, headers, "each").examples]
    assert heard == [("mono", "mean"), ("bad", "mean"), ("three", "0"), ("three", "1"), ("three", "2")]
    assert {e.channel for e in hear_channel(data, headers, "max-energy").examples} == {"max-energy"}
    with pytest.raises(UsageError, match="`channel` must be"):
        hear_channel(data, headers, "left")
    kept = Dataset((*data.examples, Example(tmp_path / "three.wav", "x", None, "kept", channel="0")), "classify")
    assert [e.channel for e in hear_channel(kept, read_headers(kept), "each").examples][-2:] == ["2", "0"]
    assert hear_channel(kept, read_headers(kept), "1").examples[-1].channel == "0"


def test_what_is_not_decoded_is_counted(tmp_path: Path) -> None:
    import io

    content = io.BytesIO()
    soundfile.write(content, np.random.default_rng(0).normal(0, 0.1, 8000), 8000, format="MP3")
    (tmp_path / "junk.mp3").write_bytes(bytes(5000) + content.getvalue())
    (tmp_path / "clean.mp3").write_bytes(content.getvalue())
    examples = (Example(tmp_path / name, "x", None, name) for name in ("junk.mp3", "clean.mp3", "junk.mp3"))
    (omitted,) = read_headers(Dataset(tuple(examples), "classify")).omitted
    assert (omitted.what, omitted.count) == ("parts of files", 1)
    assert omitted.reason == "bytes of an MP3 that are no frames"
