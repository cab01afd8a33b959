import pytest

from auricle.errors import DataError

TRACK = "0.500000\t1.250000\tdog\n2.0\t3.0\tgrey cat\n"


def test_a_track_with_frequencies(read, spans) -> None:
    table = read({"a.wav": "", "a.txt": "0.500000\t1.250000\tdog\n\\\t100.0\t900,5\n\n2.0\t3.0\tgrey cat\n"})
    assert spans(table) == [("a.wav", 0.5, 1.25, "dog"), ("a.wav", 2.0, 3.0, "grey cat")]
    assert [(row.cells["low_hz"], row.cells["high_hz"]) for row in table.rows] == [("100.0", "900.5"), ("", "")]
    assert [row.where.rpartition("/")[2] for row in table.rows] == ["a.txt, line 1", "a.txt, line 4"]
    assert table.omitted == ()


@pytest.mark.parametrize(
    "track",
    [
        TRACK.replace("\t", " "),
        TRACK.replace("\t", "    "),
        TRACK.replace("\t", ";"),
        TRACK.replace(".", ","),
        TRACK.replace(".", ",").replace("\t", " "),
        TRACK.replace(".", ",").replace("\t", ";"),
        TRACK.replace("\n", "\r\n"),
        TRACK.replace("\n", "\r"),
    ],
)
def test_what_other_programs_make_of_a_track(track: str, read, spans) -> None:
    assert spans(read({"a.wav": "", "a.txt": track})) == [
        ("a.wav", 0.5, 1.25, "dog"),
        ("a.wav", 2.0, 3.0, "grey cat"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(encoding: str, read, spans) -> None:
    track = "0.5\t1\tMönchsgrasmücke\n"
    assert spans(read({"a.wav": "", "a.txt": track.encode(encoding)})) == [("a.wav", 0.5, 1.0, "Mönchsgrasmücke")]


def test_points_and_empty_labels_are_counted(read, spans, left_out) -> None:
    table = read({"a.wav": "", "a.txt": "0.5\t0.5\tclick\n1\t2\tdog\n3\t4\n5\t6\t\n7.0\t7\t\n"})
    assert spans(table) == [("a.wav", 1.0, 2.0, "dog")]
    assert left_out(table) == {"points in time, which have no sound: widen them": 2, "without a label: write one": 2}
    assert [example.rpartition("/")[2] for example in table.omitted[0].examples] == ["a.txt, line 1", "a.txt, line 5"]


def test_a_confidence_behind_the_label_is_a_column(read) -> None:
    table = read({"a.wav": "", "a.txt": "0\t3\tTurdus merula, Amsel\t0.71\n3\t6\tdog\tx\ty\n"})
    assert [row.cells["label"] for row in table.rows] == ["Turdus merula, Amsel", "dog"]
    assert [(row.cells["confidence"], row.cells["cell_4"], row.cells["cell_5"]) for row in table.rows] == [
        ("0.71", "", ""),
        ("", "x", "y"),
    ]


def test_a_note_or_a_matrix_beside_a_recording_is_no_track(read, left_out) -> None:
    table = read(
        {
            "dog/a.wav": "",
            "dog/a.txt": "It barked at 3 s.\n",
            "cat/b.wav": "",
            "cat/b.txt": "0.1 0.2 0.3\n0.2 0.4 0.5\n",
            "cat/c.txt": "1999 2000 were good years\nfor cats\n",
        }
    )
    assert [row.cells["label"] for row in table.rows] == ["cat", "dog"]
    assert left_out(table) == {"not sound": 3}


@pytest.mark.parametrize(
    ("track", "says"),
    [
        ("0.5\t1\tdog\n1.5\n", r"a\.txt, line 2: a label must be its start, end and text"),
        ("Begin\tEnd\n0.5\t1\tdog\n", r"a\.txt, line 1: a label must be its start, end and text, .* Got 'Begin\\tEnd'"),
        ("\\\t1\t2\n0.5\t1\tdog\n", r"line 1: a frequency range must be two numbers, on the line below its label"),
        ("0.5\t1\tdog\n\\\t1\t2\n\\\t1\t2\n", r"line 3: a frequency range must be two numbers"),
        ("0.5\t1\tdog\n\\\t1\n", r"line 2: a frequency range must be two numbers"),
        ("0.5\t1\tdog\n3\t2\tdog\n", r"line 2: a mark must end after it begins"),
        ("0.5\t0.5\tdog\n", r"annotations must mark at least one stretch .* 1 annotation left out: points in time"),
    ],
)
def test_tracks_that_cannot_be_read(track: str, says: str, read) -> None:
    with pytest.raises(DataError, match=says):
        read({"a.wav": "", "a.txt": track})
