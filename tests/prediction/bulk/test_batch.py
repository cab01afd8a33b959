import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.errors import UsageError
from auricle.prediction.bulk.batch import predict_files
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest

workers = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def mixed(sound_files: dict[str, Path], tmp_path: Path) -> list[Path]:
    """Good files with bad ones between them."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello")
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    bad = [tmp_path / name for name in ("empty.wav", "text.wav", "silence.wav", "missing.wav")]
    return [path for pair in zip(sound_files.values(), [*bad, tmp_path], strict=False) for path in pair]


@workers
def test_every_file_has_its_result_in_its_place(workers: int, states: Predictor, mixed: list[Path]) -> None:
    results = list(predict_files(states, mixed, workers=workers))
    assert [result.file for result in results] == mixed
    assert [result.error is None for result in results] == [True, False] * 5
    for result in results[::2]:
        assert result.predictions == (states.predict(result.file),)
    kinds = [(result.file.name, result.error.kind) for result in results[1::2] if result.error]
    assert [kind for _, kind in kinds] == ["audio"] * 5
    for result in results[1::2]:
        assert result.predictions == ()
        assert str(result.error).startswith(f"{result.file}: ")


@workers
def test_windows_follow_their_recording(workers: int, states: Predictor, sound_files: dict[str, Path]) -> None:
    for result in predict_files(
        states, list(sound_files.values()), ask=PredictionRequest(windows=True, hop_s=0.1), workers=workers
    ):
        recording, windows = states.answers(result.file, hop_s=0.1)
        assert result.predictions == (recording, *windows)
        assert [row["level"] for row in result.rows()] == ["recording"] + ["window"] * len(windows)


def test_rows_are_what_the_command_line_writes(states: Predictor, mixed: list[Path]) -> None:
    good, bad = list(predict_files(states, mixed[:2]))
    (row,) = good.rows()
    assert row == {"file": str(mixed[0]), **states.predict(mixed[0]).as_json()}
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    (row,) = bad.rows()
    assert row == {"file": str(mixed[1]), "error": {"kind": "audio", "message": str(bad.error)}}


def test_no_files_no_results(states: Predictor) -> None:
    assert list(predict_files(states, [])) == []


def test_a_hop_that_fits_no_file_is_said_once_and_at_once(states: Predictor, mixed: list[Path]) -> None:
    with pytest.raises(UsageError, match="`hop_s` must be above 0"):
        predict_files(states, mixed, ask=PredictionRequest(hop_s=9.0))
    with pytest.raises(UsageError, match="`workers` must be at least 1"):
        list(predict_files(states, mixed, workers=0))


def test_what_is_no_error_of_ours_is_not_hidden(states: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "hear", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(predict_files(states, [Path("x.wav")]))
