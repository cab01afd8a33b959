from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.readers import read_table
from auricle.errors import DataError

RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    "1\tWaveform 1\t1\t0.5\t1.25\t0.0\t8000.0\tdog\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t0.0\t8000.0\tdog\n"
    "2\tSpectrogram 1\t1\t2.0\t3.0\t0.0\t8000.0\tcat\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Path]:
    def make(**contents: str) -> Path:
        for name, content in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return tmp_path

    return make


def rows(root: Path) -> list[dict[str, str]]:
    return [dict(row.cells) for row in read_table(root).rows]


def test_label_tracks(place: Callable[..., Path]) -> None:
    track = "0.500000\t1.250000\tdog\n\\\t100.0\t900.0\n\n2.0\t3.0\tgrey cat\n"
    root = place(a_wav="", a_txt=track, deep__b_flac="", deep__b_txt="0.0\t1.0\tdog\n", c_wav="", silent_wav="")
    (root / "silent.txt").touch()
    assert rows(root) == [
        {"file_name": "a.wav", "start_s": "0.500000", "end_s": "1.250000", "label": "dog"},
        {"file_name": "a.wav", "start_s": "2.0", "end_s": "3.0", "label": "grey cat"},
        {"file_name": "deep/b.flac", "start_s": "0.0", "end_s": "1.0", "label": "dog"},
    ]


def test_selection_tables(place: Callable[..., Path]) -> None:
    root = place(a_wav="", a_Table_1_selections_txt=RAVEN)
    assert rows(root) == [
        {
            "file_name": "a.wav",
            "start_s": start,
            "end_s": end,
            "label": label,
            "Selection": number,
            "Low Freq (Hz)": "0.0",
            "High Freq (Hz)": "8000.0",
        }
        for number, start, end, label in (("1", "0.5", "1.25", "dog"), ("2", "2.0", "3.0", "cat"))
    ]


def test_a_note_beside_a_recording_is_no_label_track(place: Callable[..., Path]) -> None:
    root = place(dog__a_wav="", dog__a_txt="It barked at 3 s.\n", cat__b_wav="")
    assert [row["label"] for row in rows(root)] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ({"a_txt": "0.5\t0.5\tdog\n"}, r"a\.txt, line 1: a label must mark a stretch of sound\. This one is a point"),
        ({"a_txt": "0.5\t1\tdog\n1.5\n"}, r"a\.txt, line 2: a label must be its start, end and text"),
        ({"a_Table_1_selections_txt": "Selection\n1\n"}, r"must have the column 'Begin Time \(s\)'"),
        (
            {"a_Table_1_selections_txt": "Begin Time (s)\tEnd Time (s)\n1\t2\n"},
            r"must have an annotation column: Label, Annotation",
        ),
        (
            {"a_Table_1_selections_txt": RAVEN + "3\tSpectrogram 1\n"},
            r"line 5: a row must have as many cells as the header, 8",
        ),
        ({"a_Table_1_selections_txt": RAVEN.splitlines()[0]}, r"must name at least one recording\. It has no rows"),
    ],
)
def test_unusable_annotations_are_refused(contents: dict[str, str], says: str, place: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=says):
        read_table(place(a_wav="", **contents))
