from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from auricle.audio.clip import Samples
from auricle.errors import StoreError
from auricle.prediction.bulk import resumable_file
from auricle.prediction.bulk.run import run_to_file, run_to_tracks
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest
from auricle.records import Entry


@pytest.fixture
def sounds(tmp_path: Path, hum: Callable[..., Samples]) -> list[Path]:
    """Nine sounds in two folders, and one file without sound."""
    files = []
    for index in range(9):
        files.append(tmp_path / f"machine{index % 2}" / f"{index}.wav")
        files[-1].parent.mkdir(exist_ok=True)
        soundfile.write(files[-1], hum(seed=index), 8000)
    files.append(tmp_path / "machine1" / "none.wav")
    files[-1].write_text("no sound")
    return files


class EntryStore:
    """Store of entries by id, which fails from one call on."""

    def __init__(self, *, fails_at: int | None = None, is_committed: bool = False) -> None:
        self.entries: dict[str, Entry] = {}
        self.fails_at, self.is_committed = fails_at, is_committed
        self.n_calls = 0

    def __call__(self, entries: Sequence[Entry]) -> None:
        has_failed = self.fails_at is not None and self.n_calls >= self.fails_at
        self.n_calls += 1
        if not has_failed or self.is_committed:
            self.entries |= {entry.id: entry for entry in entries}
        if has_failed:
            raise StoreError("The store cannot be used.")

    @property
    def files(self) -> list[str]:
        return sorted(entry.source for entry in self.entries.values())


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_run_stopped_by_its_store_is_resumed_and_logs_each_prediction_once(
    is_committed: bool,  # noqa: FBT001
    sounds: list[Path],
    states: Predictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if the store had committed before it failed: an entry that is written again has the same id."""
    monkeypatch.setattr(resumable_file, "COMMIT_EVERY_S", 0.0)
    output, store = tmp_path / "x.jsonl", EntryStore(fails_at=3, is_committed=is_committed)
    with pytest.raises(StoreError, match=r"cannot be used\. The rows of 3 files are safe in .* with --resume"):
        run_to_file(states, sounds, output, request=PredictionRequest(), format_name="jsonl", write_entries=store)
    assert len(store.entries) == 3 + is_committed
    store.fails_at = None
    report = run_to_file(
        states, sounds, output, request=PredictionRequest(), format_name="jsonl", write_entries=store, resume=True
    )
    assert (report.n_files, report.n_resumed, report.n_failed) == (10, 3, 1)
    assert store.files == sorted(map(str, sounds[:9]))
    assert len(output.read_text().splitlines()) == 10


def test_an_entry_holds_the_prediction_of_its_row(sounds: list[Path], states: Predictor, tmp_path: Path) -> None:
    store = EntryStore()
    run_to_file(
        states,
        sounds,
        tmp_path / "x.jsonl",
        request=PredictionRequest(windows=True),
        format_name="jsonl",
        write_entries=store,
        workers=2,
    )
    assert store.files == sorted(map(str, sounds[:9]))
    for entry in store.entries.values():
        assert entry.predictions == (states.predict(entry.source),)
        assert entry.group == str(Path(entry.source).parent)
        assert (entry.rate_hz, entry.channels, entry.key) == (8000, 1, "")
        assert entry.rows.shape == (3, len(states.pipeline.columns))


def test_every_run_logs_its_own_entries(sounds: list[Path], states: Predictor, tmp_path: Path) -> None:
    store = EntryStore()
    for _ in range(2):
        run_to_file(
            states, sounds, tmp_path / "x.jsonl", request=PredictionRequest(), format_name="jsonl", write_entries=store
        )
    assert len(store.entries) == 18


def test_tracks_are_logged_too(sounds: list[Path], states: Predictor, tmp_path: Path) -> None:
    store, tracks = EntryStore(), {file: tmp_path / "out" / f"{file.stem}.txt" for file in sounds}
    run_to_tracks(states, tracks, request=PredictionRequest(windows=True), format_name="audacity", write_entries=store)
    assert len(store.entries) == len(list((tmp_path / "out").iterdir())) == 9
