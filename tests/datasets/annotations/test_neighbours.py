import pytest

from auricle.datasets.annotations.neighbours import UNREAD, describe_neighbours, reason_unread
from auricle.errors import DataError

TRACK = "0\t1\tdog\n"


def test_annotations_that_are_not_read_are_named(place) -> None:
    root = place({"a.wav": "", "b.wav": "", "a.eaf": "", "b.EAF": "", "a.TextGrid": "binary", "notes.md": ""})
    assert describe_neighbours(root) == (
        " 1 file lies beside the recordings: TextGrids, but not in Praat's text forms: save them as text files."
        " 2 files lie beside the recordings: ELAN annotations, which are not read: export them as Praat TextGrids."
    )
    assert all("which are not read" in what or "save" in what or "export" in what for what in UNREAD.values())


def test_annotations_of_no_recording_and_those_that_a_table_replaces(place) -> None:
    root = place({"a.wav": "", "b.wav": "", "a.txt": TRACK, "other.txt": TRACK})
    reason = reason_unread(root)
    assert (
        reason(str(root / "a.txt"))
        == "annotations of Audacity, because labels come from a table or the names of folders"
    )
    assert reason(str(root / "other.txt")).startswith("annotations of Audacity that are named after no recording")
    assert reason(str(root / "c.pdf")) == "not sound"


def test_a_folder_that_cannot_be_read_says_what_lies_in_it(read) -> None:
    with pytest.raises(DataError, match=r"but 1 sound files\. 1 file lies beside the recordings: ELAN annotations"):
        read({"a.wav": "", "a.eaf": ""})
    with pytest.raises(
        DataError, match=r"1 file lies beside the recordings: annotations of Audacity that are named after"
    ):
        read({"a.wav": "", "b.wav": "", "dog/c.wav": "", "x.txt": TRACK})


def test_annotations_beside_a_table_are_counted(read, left_out) -> None:
    files = {f"{n}.wav": "" for n in range(12)} | {f"{n}.txt": TRACK for n in range(12)}
    rows = "".join(f"{n}.wav,dog\n" for n in range(12))
    table = read({**files, "metadata.csv": f"file_name,label\n{rows}"})
    assert left_out(table) == {"annotations of Audacity, because labels come from a table or the names of folders": 12}
