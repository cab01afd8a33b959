from pathlib import Path

import numpy as np
import soundfile

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.headers import read_headers


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
