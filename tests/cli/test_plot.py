"""``auricle plot``: pictures of every type, of parts of a file, and of a model's saliency."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

MAGIC = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.fixture
def clip(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips" / "0001.wav"


@pytest.mark.parametrize("suffix", MAGIC)
def test_every_type_of_picture(suffix: str, auricle, clip: Path, out: Path) -> None:
    ran = auricle("plot", clip, "-o", out / f"x{suffix}")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (out / f"x{suffix}").read_bytes().startswith(MAGIC[suffix])
    assert len(list(out.iterdir())) == 1


def test_a_part_of_the_file(auricle, clip: Path, out: Path) -> None:
    assert auricle("plot", clip, "-o", out / "x.png", "--start-s", "0.1", "--end-s", "0.3").code == 0
    for options, says in (
        (["--start-s", "9"], "must lie within the sound, which is 0.500 s long"),
        (["--start-s", "-1"], "`start_s` must be 0 or more"),
        (["--start-s", "0.3", "--end-s", "0.1"], "`end_s` must be at least one sample after `start_s`"),
    ):
        ran = auricle("plot", clip, "-o", out / "y.png", *options)
        assert ran.code == 2
        assert says in ran.sentence
    assert [path.name for path in out.iterdir()] == ["x.png"]


def test_a_long_file_is_cut(auricle, tmp_path: Path, out: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "long.wav", 0.1 * rng.standard_normal(122 * 1000), 1000)
    ran = auricle("plot", tmp_path / "long.wav", "-o", out / "x.png")
    assert ran.code == 0
    assert ran.err == "Drawing at most 120 s; choose another part with --start-s and --end-s.\n"


@pytest.mark.parametrize("name", ["x.bmp", "x"])
def test_other_types_of_picture_are_refused(name: str, auricle, clip: Path, out: Path) -> None:
    ran = auricle("plot", clip, "-o", out / name)
    assert (ran.code, ran.sentence) == (2, f"{out / name}: the picture's name must end in .pdf, .png, .svg.")
    assert list(out.iterdir()) == []


def test_the_saliency_of_a_model_is_drawn(auricle, clip: Path, states_file: Path, out: Path) -> None:
    ran = auricle("plot", clip, "-o", out / "saliency.png", "--explain", states_file)
    assert ran.code == 0, ran.err
    assert (out / "saliency.png").stat().st_size > 10_000


def test_saliency_needs_a_bundle(auricle, clip: Path, out: Path) -> None:
    ran = auricle("plot", clip, "-o", out / "saliency.png", "--explain", clip)
    assert ran.code == 2
    assert not (out / "saliency.png").exists()
