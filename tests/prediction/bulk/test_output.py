import json
from pathlib import Path

import pytest

from auricle.prediction.bulk import output
from auricle.prediction.bulk.output import FileLines, OutputChunk, render
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest


@pytest.fixture
def file(sound_files: dict[str, Path]) -> Path:
    return sound_files["wav-8000"]


def rows_of(chunk: OutputChunk) -> list[dict[str, object]]:
    return [json.loads(line) for line in chunk.text.splitlines()]


def test_the_last_chunk_holds_the_recording(file: Path, states: Predictor) -> None:
    windows, last = render(states, file, request=PredictionRequest(windows=True), format_name="jsonl")
    assert [row["level"] for row in rows_of(windows)] == ["window"] * 3
    assert rows_of(last) == [{"file": str(file), **states.predict(file).as_json()}]
    assert (last.sound_s, last.error, last.entry) == (pytest.approx(0.47), None, None)


def test_many_windows_are_many_chunks(file: Path, states: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_CHUNK_PREDICTIONS", 2)
    *windows, last = render(states, file, request=PredictionRequest(windows=True), format_name="jsonl")
    assert [len(rows_of(chunk)) for chunk in windows] == [2, 1]
    assert len(rows_of(last)) == 1


def test_an_error_is_the_only_chunk(states: Predictor, tmp_path: Path) -> None:
    (chunk,) = render(states, tmp_path / "no.wav", request=PredictionRequest(), format_name="jsonl")
    assert chunk.error is not None
    assert chunk.error.startswith("audio: ")
    assert rows_of(chunk)[0]["file"] == str(tmp_path / "no.wav")


def test_an_entry_has_the_same_id_in_the_same_run(file: Path, states: Predictor) -> None:
    def identity(run: str) -> str:
        *_, last = render(states, file, request=PredictionRequest(), format_name="jsonl", run=run)
        assert last.entry is not None
        return last.entry.id

    run, other = "0198c5e0-0000-7000-8000-000000000000", "0198c5e0-0000-7000-8000-000000000001"
    assert identity(run) == identity(run) != identity(other)


@pytest.mark.parametrize(("windows", "n_lines"), [(False, 1), (True, 3)])
def test_a_format_of_one_recording_holds_one_level(windows: bool, n_lines: int, file: Path, states: Predictor) -> None:  # noqa: FBT001
    chunks = render(states, file, request=PredictionRequest(windows=windows), format_name="audacity")
    assert b"".join(chunk.text for chunk in chunks).count(b"\n") == n_lines


@pytest.mark.parametrize("max_memory_bytes", [1, 1 << 20])
def test_the_last_chunk_is_written_first(
    max_memory_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_MAX_MEMORY_BYTES", max_memory_bytes)
    lines = FileLines(tmp_path)
    for text in (b"a\n", b"b\n", b"last\n"):
        lines.append(OutputChunk(text))
    assert b"".join(lines.text()) == b"last\na\nb\n"


def test_an_error_replaces_the_chunks_before_it() -> None:
    lines = FileLines()
    for chunk in (OutputChunk(b"a\n"), OutputChunk(b"error\n", error="audio: damaged")):
        lines.append(chunk)
    assert b"".join(lines.text()) == b"error\n"
