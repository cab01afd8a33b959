import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.errors import UsageError
from auricle.prediction.bulk.batch import map_files
from auricle.prediction.bulk.output import FileLines, render
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest

in_threads_and_processes = pytest.mark.parametrize("workers", [None, 2])


@pytest.fixture
def mixed(sound_files: dict[str, Path], tmp_path: Path) -> list[Path]:
    """Good files, with bad ones between them."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello")
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    bad = [tmp_path / name for name in ("empty.wav", "text.wav", "silence.wav", "missing.wav")]
    return [path for pair in zip(sound_files.values(), [*bad, tmp_path], strict=False) for path in pair]


def rendered(
    model: Predictor, files: list[Path], request: PredictionRequest | None = None, **options: int | None
) -> list[tuple[Path, list[dict[str, object]], str | None]]:
    """Return each file with its rows and its error."""
    function = partial(render, request=request or PredictionRequest(), format_name="jsonl")
    done = [(file, lines, error) for file, lines, error in map_files(model, files, function, FileLines, **options)]
    assert all(error is None for _, _, error in done)
    return [
        (file, [*map(json.loads, b"".join(lines.text()).splitlines())], lines.last.error) for file, lines, _ in done
    ]


@in_threads_and_processes
def test_results_come_in_the_order_of_the_files_and_windows_follow_their_recording(
    workers: int | None, states: Predictor, mixed: list[Path]
) -> None:
    done = rendered(states, mixed, PredictionRequest(windows=True, hop_s=0.1), workers=workers)
    assert [file for file, _, _ in done] == mixed
    assert [error is None for _, _, error in done] == [True, False] * 5
    for file, rows, _ in done[::2]:
        recording, windows = states.answers(file, hop_s=0.1)
        assert rows == [{"file": str(file), **prediction.as_json()} for prediction in (recording, *windows)]
    for file, (row,), error in done[1::2]:
        assert row["error"]["kind"] == "audio"
        assert row["error"]["message"].startswith(f"{file}: ")
        assert error == f"audio: {row['error']['message']}"


def test_no_files_give_no_results(states: Predictor) -> None:
    assert rendered(states, []) == []


def test_workers_must_be_at_least_1(states: Predictor, mixed: list[Path]) -> None:
    with pytest.raises(UsageError, match="`workers` must be at least 1"):
        rendered(states, mixed, workers=0)


def test_an_unexpected_error_is_not_hidden(states: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "run", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rendered(states, [Path("x.wav")])
