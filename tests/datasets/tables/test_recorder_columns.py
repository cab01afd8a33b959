"""What recorders wrote becomes columns where a data set has none; its own columns win, contradictions are counted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset
from auricle.datasets.tables.recorder_columns import RECORDER_COLUMNS
from auricle.datasets.times import seconds
from auricle.monitoring.sources.recordings import find_recordings

AUDIOMOTH = (
    "Recorded at {time} 23/02/2023 (UTC) by AudioMoth 24F319055FDF2205 at medium gain while battery was 4.2V and "
    "temperature was 13.2C."
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a WAV, with the comment of an AudioMoth where a time is given."""

    def write(name: str, time: str | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            if time is not None:
                file.comment = AUDIOMOTH.format(time=time)
            file.write(np.full(100, 0.1))
        return path

    return write


def test_a_folder_of_recorders_has_their_columns(write: Callable[..., Path], tmp_path: Path) -> None:
    write("owl/20230223_191730.WAV", "19:17:30")
    write("none/20230223_201730.WAV", "20:17:30")
    write("none/plain.wav")
    data = Dataset.load(tmp_path)
    times = {example.file.name: example.time for example in data.examples}
    assert times["20230223_191730.WAV"] == "2023-02-23T19:17:30+00:00"
    assert times["plain.wav"] is None
    by_name = {example.file.name: example.metadata for example in data.examples}
    assert by_name["20230223_191730.WAV"]["device"] == "24F319055FDF2205"
    assert by_name["20230223_191730.WAV"]["temperature_c"] == "13.2"
    assert by_name["plain.wav"]["device"] == ""
    assert data.named_columns == tuple(name for name in ("device", "gain") if name in data.examples[0].metadata)
    assert data.omitted == ()


def test_a_data_set_without_such_recordings_stays_as_it_is(write: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("dog/1-2-A-0.wav", "cat/20230223_1.wav", "cat/5_george_12.wav"):
        write(name)
    for example in Dataset.load(tmp_path).examples:
        assert not RECORDER_COLUMNS.keys() & example.metadata.keys()
        assert example.time is None


def test_the_tables_own_columns_win_and_contradictions_are_said(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a/1.wav", "19:17:30")
    write("a/20230223_050000.wav", "19:17:30")
    (tmp_path / "t.csv").write_text(
        "file_name,label,time,device\na/1.wav,x,2020-01-01T00:00:00Z,mine\n"
        "a/20230223_050000.wav,y,2023-02-23T19:17:30Z,mine\n"
    )
    data = Dataset.load(tmp_path / "t.csv")
    assert [example.metadata["device"] for example in data.examples] == ["mine", "mine"]
    assert data.examples[0].time == "2020-01-01T00:00:00Z"
    assert [(one.what, one.count) for one in data.omitted] == [("times", 1), ("times", 1)]
    assert any("contradicts the table's column" in one.reason for one in data.omitted)
    assert any("the file name contradicts AudioMoth's comment" in one.reason for one in data.omitted)


def test_times_split_and_group(write: Callable[..., Path], tmp_path: Path) -> None:
    for hour in range(4):
        write(f"{'ab'[hour % 2]}/S4A01_20230223_0{hour}0000.wav")
    data = Dataset.load(tmp_path, group="site")
    assert set(data.groups) == {"S4A01"}
    assert np.ptp(seconds(data)) == 3 * 3600


def test_a_site_that_is_the_class_again_is_none(write: Callable[..., Path], tmp_path: Path) -> None:
    for label in ("owl", "fox"):
        write(f"{label}/{label}_20230223_010000.wav")
    assert "site" not in Dataset.load(tmp_path).examples[0].metadata


def test_recordings_to_monitor_have_them_too(write: Callable[..., Path], tmp_path: Path) -> None:
    write("live/20230223_191730.WAV", "19:17:30")
    (one,) = find_recordings(tmp_path / "live", ("owl",)).examples
    assert one.time == "2023-02-23T19:17:30+00:00"
    assert one.metadata["device"] == "24F319055FDF2205"
