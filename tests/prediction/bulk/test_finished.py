"""A finished output is resumed for the same inputs, model and options only, and extended by what it lacks."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from auricle.errors import UsageError
from auricle.prediction.bulk.run import Report, run_to_file
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest


@pytest.fixture
def clips(machine_sounds: Path) -> list[Path]:
    return sorted((machine_sounds.parent / "clips").glob("*.wav"))[:6]


def predict(
    model: Predictor,
    clips: Sequence[Path],
    output: Path,
    *,
    windows: bool = False,
    hop_s: float | None = None,
    form: str = "jsonl",
) -> Report:
    request = PredictionRequest(windows=windows, hop_s=hop_s)
    return run_to_file(model, clips, output, request=request, format_name=form, workers=None, resume=True)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("windows", [False, True])
def test_a_finished_run_is_not_repeated(
    *, form: str, windows: bool, states: Predictor, clips: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / f"p.{form}"
    predict(states, clips, output, form=form, windows=windows)
    before = output.read_bytes(), output.stat().st_ino
    report = predict(states, clips, output, form=form, windows=windows)
    assert (report.n_files, report.n_resumed, report.n_failed) == (6, 6, 0)
    assert (output.read_bytes(), output.stat().st_ino) == before


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_files_that_are_new_are_added(form: str, states: Predictor, clips: list[Path], tmp_path: Path) -> None:
    (broken := tmp_path / 'bro\n\u2028k"en.wav').write_text("no sound")
    clips = [broken, *clips]
    predict(states, clips, tmp_path / "whole", form=form)
    predict(states, clips[:4], tmp_path / "p", form=form)
    report = predict(states, clips, tmp_path / "p", form=form)
    assert (report.n_files, report.n_resumed, report.n_failed) == (7, 4, 1)
    assert (tmp_path / "p").read_bytes() == (tmp_path / "whole").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"p", "whole", broken.name}


def test_another_run_is_refused(states: Predictor, speeds: Predictor, clips: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "p.jsonl"
    predict(states, clips, output)
    before = output.read_bytes()
    for reason, change in (
        (r"It holds .*0006\.wav, which is not among the inputs", lambda: predict(states, clips[:5], output)),
        (r"Predicted again, .* gives other rows", lambda: predict(states, clips, output, windows=True)),
        (rf"It was written by {states.name}, and this model is", lambda: predict(speeds, clips, output)),
    ):
        with pytest.raises(UsageError, match=reason):
            change()
    predict(states, clips, tmp_path / "w.jsonl", windows=True)
    for other in ({}, {"windows": True, "hop_s": 0.05}):
        with pytest.raises(UsageError, match=r"0001\.wav gives other rows"):
            predict(states, clips, tmp_path / "w.jsonl", **other)
    (tmp_path / "p.csv").write_text("file,label\n")
    with pytest.raises(UsageError, match="Its first line is not 'file,level,start_s"):
        predict(states, clips, tmp_path / "p.csv", form="csv")
    (tmp_path / "x.jsonl").write_text('{"file": 3}\nnone\n')
    with pytest.raises(UsageError, match="Row 1 is no prediction"):
        predict(states, clips, tmp_path / "x.jsonl")
    assert output.read_bytes() == before


def test_a_recording_that_changed_is_noticed(states: Predictor, clips: list[Path], tmp_path: Path) -> None:
    mine = [tmp_path / clip.name for clip in clips[:2]]
    for copy, clip in zip(mine, clips, strict=False):
        copy.write_bytes(clip.read_bytes())
    predict(states, mine, tmp_path / "p.jsonl")
    mine[1].write_bytes(clips[4].read_bytes())
    with pytest.raises(UsageError, match=r"0002\.wav gives other rows"):
        predict(states, mine, tmp_path / "p.jsonl")
