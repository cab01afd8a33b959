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
    model: Predictor, clips: Sequence[Path], output: Path, *, windows: bool = False, form: str = "jsonl"
) -> Report:
    request = PredictionRequest(windows=windows)
    return run_to_file(model, clips, output, request=request, format_name=form, workers=None, resume=True)


def test_a_finished_run_is_not_repeated(states: Predictor, clips: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "p.jsonl"
    predict(states, clips, output)
    before = output.read_bytes(), output.stat().st_ino
    report = predict(states, clips, output)
    assert (report.n_files, report.n_resumed, report.n_failed) == (6, 6, 0)
    assert (output.read_bytes(), output.stat().st_ino) == before


def test_files_that_are_new_are_added(states: Predictor, clips: list[Path], tmp_path: Path) -> None:
    predict(states, clips, tmp_path / "whole.jsonl")
    predict(states, clips[:4], tmp_path / "p.jsonl")
    report = predict(states, clips, tmp_path / "p.jsonl")
    assert (report.n_files, report.n_resumed) == (6, 4)
    assert (tmp_path / "p.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"p.jsonl", "whole.jsonl"}


def test_another_run_is_refused(states: Predictor, speeds: Predictor, clips: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "p.jsonl"
    predict(states, clips, output)
    before = output.read_bytes()
    for reason, change in (
        (r"It holds .*0006\.wav, which is not among the inputs", lambda: predict(states, clips[:5], output)),
        ("It has no lines of windows", lambda: predict(states, clips, output, windows=True)),
        (rf"It was written by {states.name}, and this model is", lambda: predict(speeds, clips, output)),
    ):
        with pytest.raises(UsageError, match=reason):
            change()
    predict(states, clips, tmp_path / "w.jsonl", windows=True)
    with pytest.raises(UsageError, match="It has lines of windows"):
        predict(states, clips, tmp_path / "w.jsonl")
    (tmp_path / "p.csv").write_text("file,label\n")
    with pytest.raises(UsageError, match="A file of format csv does not say which model wrote it"):
        predict(states, clips, tmp_path / "p.csv", form="csv")
    (tmp_path / "x.jsonl").write_text('{"file": 3}\nnone\n')
    with pytest.raises(UsageError, match="Line 1 is no prediction"):
        predict(states, clips, tmp_path / "x.jsonl")
    assert output.read_bytes() == before
