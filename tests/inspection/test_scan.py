"""Scanning in pieces gives the measures of the whole."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio import quality
from auricle.audio.clip import Clip
from auricle.audio.decode import read
from auricle.datasets import one_pass
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.one_pass import run_pass
from auricle.errors import AudioError, AuricleError
from auricle.features.cache import FeatureCache
from auricle.inspection.fingerprints import fingerprint
from auricle.inspection.scan import Recording, RecordingFacts, scan_dataset


def scan(example: Example) -> Recording:
    (result,) = run_pass(example, [RecordingFacts()])
    if isinstance(result, AuricleError):
        raise result
    return Recording.of(result)


@pytest.fixture
def example(tmp_path: Path, chatter: Callable[..., Clip]) -> Example:
    clip = chatter(0, 25.0, rate_hz=8000)
    file = tmp_path / "a.wav"
    soundfile.write(file, np.stack([clip.samples, clip.samples / 2], axis=1), 8000, subtype="FLOAT")
    return Example(file, "a", None, "a")


def test_pieces_give_the_measures_of_the_whole(example: Example) -> None:
    recording, clip = scan(example), read(example.file)
    whole = fingerprint(clip)
    assert recording.fingerprint.digest == whole.digest
    assert np.array_equal(recording.fingerprint.frames, whole.frames)
    assert (recording.duration_s, recording.rate_hz, recording.channels) == (25.0, 8000, 2)
    assert recording.quality.level_db == pytest.approx(quality.measure(clip.samples, 8000).level_db, abs=1e-3)
    assert np.isfinite(recording.row).all()


def test_quality_is_measured_over_pieces_that_do_not_overlap(example: Example) -> None:
    samples = read(example.file).samples
    pieces = [samples[:80_000], samples[80_000:160_000], samples[160_000:]]
    expected = quality.combine([quality.measure(piece, 8000) for piece in pieces], [10.0, 10.0, 5.0])
    assert scan(example).quality == expected


def test_part_of_a_file_is_scanned_alone(example: Example) -> None:
    recording = scan(replace(example, start_s=3.0, end_s=5.0))
    assert recording.duration_s == 2.0
    assert recording.fingerprint.digest == fingerprint(read(example.file, start_s=3.0, end_s=5.0)).digest


@pytest.mark.parametrize("n", [1, 30, 400])
def test_very_short_sound_is_scanned(tmp_path: Path, n: int, rng: np.random.Generator) -> None:
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(n), 8000)
    recording = scan(Example(tmp_path / "a.wav", "a", None, "a"))
    assert recording.duration_s == n / 8000
    assert np.isfinite(recording.row).all()


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not sound")
    with pytest.raises(AudioError, match=r"a\.wav"):
        scan(Example(tmp_path / "a.wav", "a", None, "a"))


def test_measures_are_cached_by_content(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset((example, replace(example, start_s=3.0, end_s=5.0)), "classify")
    with closing(FeatureCache(tmp_path / "cache")) as cache:
        _, first, _ = scan_dataset(dataset, cache=cache)
        monkeypatch.setattr(one_pass, "open_sound", lambda _: pytest.fail("decoded again"))
        moved = example.file.rename(tmp_path / "moved.wav")
        kept, again, failures = scan_dataset(
            replace(dataset, examples=tuple(replace(e, file=moved) for e in dataset.examples)), cache=cache
        )
    assert (kept.tolist(), failures) == ([0, 1], ())
    for one, other in zip(first, again, strict=True):
        assert (one.quality, one.duration_s, one.rate_hz, one.channels) == (
            *(other.quality, other.duration_s, other.rate_hz, other.channels),
        )
        assert one.fingerprint.digest == other.fingerprint.digest
        np.testing.assert_array_equal(one.fingerprint.frames, other.fingerprint.frames)
        np.testing.assert_array_equal(one.row, other.row)


def test_unreadable_recordings_are_failures(example: Example, tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"not sound")
    dataset = Dataset((replace(example, file=tmp_path / "b.wav"), example), "classify")
    kept, recordings, failures = scan_dataset(dataset)
    assert kept.tolist() == [1]
    assert len(recordings) == 1
    assert [failure.file.name for failure in failures] == ["b.wav"]
