"""Frames and datasets of other libraries are data as well, through the methods that they share."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.tables.frames import read_frame
from auricle.errors import DataError, UsageError

ROWS: list[dict[str, Any]] = [
    {"file_name": "c/a.wav", "label": "dog", "start_s": None, "site": 3},
    {"file_name": "c/b.wav", "label": "cat", "start_s": 0.0, "site": float("nan")},
]


class Pandas:
    """A pandas frame, as far as it is asked."""

    columns = tuple(ROWS[0])

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return [{**row, "site": np.float64(row["site"])} for row in ROWS]


class Polars:
    """A Polars frame, as far as it is asked."""

    columns = tuple(ROWS[0])

    def to_dicts(self) -> list[dict[str, Any]]:
        return ROWS


@pytest.mark.parametrize("frame", [Pandas(), Polars(), pa.Table.from_pylist(ROWS)], ids=["pandas", "polars", "arrow"])
def test_a_frame_is_data(frame: object, folder: Any) -> None:
    data = Dataset.load(frame, root=folder("c/a.wav", "c/b.wav"))
    assert data.labels.tolist() == ["dog", "cat"]
    assert data.source == "the data frame"
    assert [example.metadata["site"] for example in data.examples] in (["3", ""], ["3.0", ""])
    assert [(example.start_s, example.file.name) for example in data.examples] == [(0, "a.wav"), (0, "b.wav")]


@dataclass
class Audio:
    """The feature of sound."""

    decode: bool = True


class ClassLabel:
    """The feature of classes."""

    names = ("cat", "dog")

    def int2str(self, number: int) -> str:
        return self.names[number]


class HuggingFace:
    """A dataset of Hugging Face, as far as it is asked."""

    def __init__(self, *sounds: dict[str, Any] | None, decode: bool = True) -> None:
        self.features = {"audio": Audio(decode), "label": ClassLabel()}
        self._sounds = sounds

    def cast_column(self, name: str, feature: Audio) -> "HuggingFace":
        assert (name, feature) == ("audio", Audio(decode=False))
        return HuggingFace(*self._sounds, decode=False)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self.features["audio"] == Audio(decode=False)
        return iter({"audio": sound, "label": number % 2} for number, sound in enumerate(self._sounds))


def test_a_dataset_of_files_and_bytes_is_data(folder: Any) -> None:
    root = folder("a.wav")
    content = (root / "a.wav").read_bytes()
    data = Dataset.load(HuggingFace({"path": str(root / "a.wav"), "bytes": None}, {"path": "b.wav", "bytes": content}))
    assert data.labels.tolist() == ["cat", "dog"]
    assert data.examples[0].file.resolve() == root / "a.wav"
    assert data.examples[1].file.read_bytes() == content
    assert data.examples[1].file.suffix == ".wav"


@pytest.mark.parametrize("sound", [None, {"path": "gone.wav", "bytes": None}])
def test_sound_that_is_not_there_is_named(sound: dict[str, Any] | None) -> None:
    with pytest.raises(DataError, match="the dataset, row 1: the sound must be a file or bytes"):
        read_frame(HuggingFace(sound))


def test_a_dataset_needs_one_column_of_sound() -> None:
    data = HuggingFace()
    data.features = {"label": ClassLabel()}
    with pytest.raises(UsageError, match=r"one column of the feature Audio\. This one has 0"):
        read_frame(data)


@pytest.mark.parametrize("data", [3, None, np.zeros(3), {"file_name": ["a.wav"]}, [Path("a.wav")]])
def test_other_objects_are_refused(data: object) -> None:
    with pytest.raises(UsageError, match="Data must be a path, a `Dataset`, a pandas or Polars frame"):
        Dataset.load(data)
