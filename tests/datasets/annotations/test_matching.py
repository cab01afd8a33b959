from pathlib import Path

import pytest

from auricle.datasets.annotations.matching import Recordings, text_files


def recordings(place, *names: str) -> Recordings:
    return Recordings(place(dict.fromkeys(names, "")))


@pytest.mark.parametrize(
    ("file", "recording"),
    [
        ("a.txt", "a.wav"),
        ("a_labels.txt", "a.wav"),
        ("A.TXT", "a.wav"),
        ("a 1.txt", "a.wav"),
        ("a_1.txt", "a_1.wav"),
        ("a_1_labels.txt", "a_1.wav"),
        ("a.wav.txt", "a.wav"),
        ("labels.txt", None),
        ("ab.txt", None),
        ("deep/c.txt", "deep/c.flac"),
        ("deep/labels.txt", "deep/c.flac"),
        ("marks/c_labels.txt", "deep/c.flac"),
        ("marks/labels.txt", None),
    ],
)
def test_the_recording_beside_a_file(file: str, recording: str | None, place) -> None:
    found = recordings(place, "a.wav", "a_1.wav", "deep/c.flac")
    beside = found.beside(found.folder / file)
    assert (None if beside is None else beside.relative_to(found.folder).as_posix()) == recording


def test_a_name_of_two_recordings_is_of_neither(place) -> None:
    found = recordings(place, "x/a.wav", "x/a.flac", "x/b.wav")
    assert found.beside(found.folder / "x" / "a.txt") is None


@pytest.mark.parametrize(
    ("written", "recording"),
    [
        (("north/a.wav",), "north/a.wav"),
        (("north\\a.wav",), "north/a.wav"),
        (("E:\\2024\\SOUTH\\A.WAV",), "south/a.wav"),
        (("/elsewhere/north/a.mp3",), "north/a.wav"),
        (("a.wav",), None),
        (("b.wav",), "south/b.wav"),
        (("/gone/x.wav", "south/b.wav"), "south/b.wav"),
        (("none.wav",), None),
        (("nul\0.wav",), None),
        (("x" * 300,), None),
        (("/",), None),
        ((), None),
    ],
)
def test_the_recording_that_a_line_names(written: tuple[str, ...], recording: str | None, place) -> None:
    found = recordings(place, "north/a.wav", "south/a.wav", "south/b.wav")
    named = found.named(written, found.folder / "all.csv")
    assert (None if named is None else named.relative_to(found.folder).as_posix()) == recording


def test_a_path_may_lead_out_of_the_folder(place) -> None:
    folder = place({"sounds/a.wav": "", "marks/all.csv": ""})
    found = Recordings(folder / "marks")
    assert found.named(("../sounds/a.wav",), folder / "marks" / "all.csv") == folder / "sounds" / "a.wav"
    assert found.named((str(folder / "sounds" / "a.wav"),), folder / "marks" / "all.csv") == folder / "sounds" / "a.wav"


def test_text_files_are_sorted_and_hidden_ones_skipped(place) -> None:
    root = place(dict.fromkeys(["b.txt", "a.CSV", ".c.txt", "deep/a.TextGrid", ".git/x.txt", "a.wav", "a.pdf"], ""))
    found = [file.relative_to(root) for file in text_files(root)]
    assert found == [Path("a.CSV"), Path("b.txt"), Path("deep/a.TextGrid")]
