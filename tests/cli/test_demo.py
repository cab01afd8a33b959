"""``auricle demo``: the whole loop in small, and a folder that cannot be created."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.cli import demo, demo_loop
from auricle.models import forest, trees
from auricle.models.table import MODELS
from auricle.prediction.predictor import load


@pytest.mark.slow
def test_the_whole_loop_in_small(auricle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "N_RECORDINGS", 16)
    monkeypatch.setattr(demo, "N_NEW", 8)  # of 4, all come from one machine, of which nothing could be said
    for name, n in (("N_RECORDINGS", 64), ("N_LIVE", 52), ("N_NEW", 4)):
        monkeypatch.setattr(demo_loop, name, n)
    monkeypatch.setitem(MODELS, "forest", replace(MODELS["forest"], grid={"max_depth": (2, 4)}))
    monkeypatch.setattr(forest, "N_TREES", 10)
    monkeypatch.setattr(trees, "N_TREES", 10)
    ran = auricle("demo", "-o", tmp_path / "demo")
    assert (ran.code, ran.out) == (0, "")
    assert all(f"\n{step}. " in ran.err for step in range(1, 8))
    assert "Best parameters: {'max_depth': " in ran.err
    assert re.search(r"etter than guessing[^:]*: balanced accuracy", ran.err.split("\n5. ")[1])
    assert "blocks: identical, to the last bit." in ran.err
    for name in ("sounds.png", "sound.png", "scores.png"):
        assert (tmp_path / "demo" / name).read_bytes().startswith(b"\x89PNG")
    assert "The monitor: alarm." in ran.err
    assert "52 labels, and a retraining: The ch" in ran.err
    assert "The server predicts with it." in ran.err
    assert "<html" in (tmp_path / "demo" / "loop" / "alarm.html").read_text(encoding="utf-8")
    assert "Next steps" in (tmp_path / "demo" / "faults.html").read_text(encoding="utf-8")
    for name in ("faults", "forest", "rpm"):
        assert load(tmp_path / "demo" / f"{name}.auricle").bundle.manifest.name == name


def test_a_folder_of_other_files_is_not_written(auricle, tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    ran = auricle("demo", "-o", tmp_path)
    assert ran.sentence == (
        f"{tmp_path}: the demo's folder must be new, empty or an earlier demo's. It holds 'sounds': name another."
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["sounds"]
    demo._begin(tmp_path / "new")
    demo._begin(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [demo.MARKER]


def test_a_folder_that_cannot_be_created(auricle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    for folder in (tmp_path / "file", tmp_path / "file" / "demo"):
        ran = auricle("demo", "-o", folder)
        assert (ran.code, ran.out) == (2, "")
        assert ran.sentence.startswith(f"{folder}: the demo's folder must be writable. ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
