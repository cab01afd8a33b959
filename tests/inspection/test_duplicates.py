"""Copies are found whatever was done to them; other takes, other stretches and silence are not."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Clip
from auricle.audio.decode import read
from auricle.audio.resample import resample
from auricle.inspection.duplicates import Duplicate, find_duplicates
from auricle.inspection.fingerprints import BITS, FRAME, Fingerprint, fingerprint

RATE_HZ = 16_000


def found(*clips: Clip) -> list[tuple[int, int, str]]:
    return [(p.first, p.second, p.relation) for p in find_duplicates([fingerprint(clip) for clip in clips])]


def coded(clip: Clip, form: str, subtype: str) -> Clip:
    buffer = io.BytesIO()
    soundfile.write(buffer, clip.samples, clip.rate_hz, format=form, subtype=subtype)
    return read(buffer.getvalue())


def cut(clip: Clip, start: float, end: float) -> Clip:
    n = clip.samples.size
    return Clip(clip.samples[round(start * n) : round(end * n)], clip.rate_hz)


def louder(clip: Clip, gain_db: float) -> Clip:
    return Clip(np.clip(clip.samples * 10 ** (gain_db / 20), -1, 1), clip.rate_hz)


COPIES: dict[str, Callable[[Clip], Clip]] = {
    "12 dB louder": lambda clip: louder(clip, 12),
    "12 dB quieter": lambda clip: louder(clip, -12),
    "upside down": lambda clip: Clip(-clip.samples, clip.rate_hz),
    "cut at the start": lambda clip: cut(clip, 0.2, 1.0),
    "cut at the end": lambda clip: cut(clip, 0.0, 0.8),
    "cut at both ends": lambda clip: cut(clip, 0.2, 0.8),
    "Vorbis": lambda clip: coded(clip, "OGG", "VORBIS"),
    "Opus": lambda clip: coded(clip, "OGG", "OPUS"),
    "MP3": lambda clip: coded(clip, "MP3", "MPEG_LAYER_III"),
    "8 kHz": lambda clip: resample(clip, 8000),
    "44.1 kHz": lambda clip: resample(clip, 44_100),
    "MP3, cut, quieter": lambda clip: coded(louder(cut(clip, 0.2, 1.0), -12), "MP3", "MPEG_LAYER_III"),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_among_others_is_found(copy: str, chatter: Callable[..., Clip]) -> None:
    clips = [chatter(seed, 2.0) for seed in range(12)]
    assert found(*clips, COPIES[copy](clips[7])) == [(7, 12, "near duplicate")]


def test_offset_and_gain_of_a_copy_are_measured(chatter: Callable[..., Clip]) -> None:
    clip = chatter(1, 2.0)
    (pair,) = find_duplicates([fingerprint(clip), fingerprint(louder(cut(clip, 0.155, 1.0), -6))])
    assert pair.describe() == "near duplicate, offset 0.31 s, gain -6 dB"
    assert pair.first_s - pair.second_s == pytest.approx(0.31, abs=2e-4)
    assert pair.length_s == pytest.approx(1.69, abs=0.1)
    assert pair.likeness > 0.9


def test_the_same_samples_in_another_container_are_the_same(chatter: Callable[..., Clip]) -> None:
    clip = coded(chatter(3, 1.0), "WAV", "PCM_16")
    again = coded(clip, "FLAC", "PCM_16")
    (pair,) = find_duplicates([fingerprint(clip), fingerprint(chatter(4, 1.0)), fingerprint(again)])
    assert pair == Duplicate(0, 2, "same samples", length_s=pair.length_s)
    assert pair.describe() == "same samples"


def test_all_of_the_same_samples_are_paired_with_the_first(chatter: Callable[..., Clip]) -> None:
    clip = chatter(5, 1.0)
    assert found(clip, clip, clip) == [(0, 1, "same samples"), (0, 2, "same samples")]


def test_a_second_in_common_is_a_shared_stretch(chatter: Callable[..., Clip]) -> None:
    first, second = chatter(6, 6.0), chatter(7, 6.0)
    samples = second.samples.copy()
    samples[2 * RATE_HZ : 4 * RATE_HZ] = first.samples[RATE_HZ : 3 * RATE_HZ]
    (pair,) = find_duplicates([fingerprint(first), fingerprint(Clip(samples, RATE_HZ))])
    assert pair.relation == "shared stretch"
    assert pair.length_s == pytest.approx(2.0, abs=0.15)
    assert (pair.first_s, pair.second_s) == pytest.approx((1.0, 2.0), abs=0.1)
    assert pair.describe().startswith("2.0 s in common") or pair.describe().startswith("1.9 s in common")


def unrelated(rng: np.random.Generator) -> Iterator[Clip]:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 120 * k * time_s + k) / k for k in range(1, 25))
    for _ in range(6):
        yield Clip(0.1 * rng.standard_normal(time_s.size), RATE_HZ)
    for _ in range(6):  # stretches of one machine: the same tones and spectrum, other noise
        yield Clip(0.1 * hum + 0.01 * rng.standard_normal(time_s.size), RATE_HZ)
    for _ in range(3):
        yield Clip(np.zeros(time_s.size), RATE_HZ)
    for level in (1e-7, 2e-7):
        yield Clip(np.full(time_s.size, level), RATE_HZ)
    yield Clip(rng.standard_normal(200) * 0.1, RATE_HZ)
    yield Clip(np.ones(1), RATE_HZ)


def test_noise_hum_and_silence_are_no_duplicates(rng: np.random.Generator, chatter: Callable[..., Clip]) -> None:
    assert found(*unrelated(rng), *(chatter(seed, 2.0) for seed in range(20))) == []


def test_no_or_one_recording_has_no_duplicates(chatter: Callable[..., Clip]) -> None:
    assert found() == []
    assert found(chatter(1, 1.0)) == []
    assert found(Clip(np.ones(1), RATE_HZ), Clip(np.ones(1), RATE_HZ)) == []


def test_part_of_much_sound_is_indexed(monkeypatch: pytest.MonkeyPatch, chatter: Callable[..., Clip]) -> None:
    clips = [chatter(seed, 3.0) for seed in range(10)]
    monkeypatch.setattr("auricle.inspection.duplicates.MAX_INDEXED", 500)
    monkeypatch.setattr("auricle.inspection.duplicates.MAX_HITS", 64)
    assert found(*clips, louder(clips[4], -12)) == [(4, 10, "near duplicate")]


def test_words_common_to_all_recordings_are_ignored(chatter: Callable[..., Clip]) -> None:
    """Recordings of one word only would collide in every frame with every other."""
    frames = np.zeros(150, FRAME)
    frames["word"], frames["known"] = 5, (1 << BITS) - 1
    dull = [Fingerprint(bytes([i, 1]), frames) for i in range(100)]
    clip = chatter(1, 2.0)
    pairs = find_duplicates([*dull, fingerprint(clip), fingerprint(louder(clip, -6))])
    assert [(pair.first, pair.second) for pair in pairs] == [(100, 101)]


def test_a_pair_is_described_in_json(chatter: Callable[..., Clip]) -> None:
    clip = chatter(1, 2.0)
    (pair,) = find_duplicates([fingerprint(clip), fingerprint(louder(clip, -6))])
    assert pair.as_json() == {
        "relation": "near duplicate",
        "first_s": pytest.approx(0, abs=0.1),
        "second_s": pytest.approx(0, abs=0.1),
        "length_s": pytest.approx(2, abs=0.15),
        "gain_db": pytest.approx(-6, abs=1),
        "likeness": pytest.approx(1, abs=0.1),
    }
    assert Duplicate(0, 1, "same samples").as_json() == {"relation": "same samples", "likeness": 1.0}


def recordings_of(folder: Path, keep: Callable[[dict[str, str]], bool]) -> list[tuple[str, Clip]]:
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if keep(row)]
    return [(row["file_name"], read(folder / row["file_name"], rate_hz=8000)) for row in rows]


@pytest.mark.recordings
def test_takes_of_one_word_by_one_speaker_are_no_duplicates(recordings_dir: Path) -> None:
    words = recordings_of(recordings_dir / "fsdd", lambda row: row["speaker"] in {"george", "jackson"})
    assert found(*(clip for _, clip in words)) == []


@pytest.mark.recordings
def test_a_motor_is_only_its_own_duplicate(recordings_dir: Path) -> None:
    """The set holds the takes at 30% without propeller twice: again as those at 40%."""
    takes = recordings_of(recordings_dir / "motor", lambda _: True)
    names = [name for name, _ in takes]
    pairs = found(*(clip for _, clip in takes))
    assert len(pairs) == 11
    assert all(relation == "same samples" for _, _, relation in pairs)
    assert all(names[b] == names[a].replace("no_prop_30pct", "no_prop_40pct") for a, b, _ in pairs)


@pytest.mark.recordings
@pytest.mark.parametrize("copy", ["Vorbis", "Opus", "MP3", "MP3, cut, quieter"])
def test_coded_copies_of_real_words_are_found(recordings_dir: Path, copy: str) -> None:
    words = recordings_of(recordings_dir / "commands", lambda row: row["speaker"][0] in "01")
    clips = [clip for _, clip in words]
    chosen = [i for i in range(0, len(clips), 12) if np.abs(clips[i].samples).max() > 0.1]
    pairs = found(*clips, *(COPIES[copy](clips[i]) for i in chosen))
    near = {(a, b) for a, b, relation in pairs if relation == "near duplicate"}
    wanted = {(i, len(clips) + k) for k, i in enumerate(chosen)}
    assert len(chosen) > 10
    assert near == wanted
