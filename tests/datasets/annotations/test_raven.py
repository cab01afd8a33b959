import pytest

from auricle.errors import DataError

RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    "1\tWaveform 1\t1\t0.5\t1.25\t0.0\t8000.0\tdog\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t0.0\t8000.0\tdog\n"
    "2\tSpectrogram 1\t1\t2.0\t3.0\t0.0\t8000.0\tcat\n"
)
HEAD = "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
TWO = [("a.wav", 0.5, 1.25, "dog"), ("a.wav", 2.0, 3.0, "cat")]


def test_a_selection_in_two_views_is_one_mark(read, spans) -> None:
    table = read({"a.wav": "", "a.Table.1.selections.txt": RAVEN})
    assert spans(table) == TWO
    assert table.omitted == ()
    assert dict(table.rows[0].cells) == {
        "file_name": "a.wav",
        "start_s": "0.5",
        "end_s": "1.25",
        "label": "dog",
        "Selection": "1",
        "Channel": "1",
        "Low Freq (Hz)": "0.0",
        "High Freq (Hz)": "8000.0",
    }


def test_a_selection_in_two_channels_is_one_mark_of_both(read) -> None:
    rows = "1\tSpectrogram 1\t1\t0\t1\tdog\n1\tSpectrogram 2\t2\t0\t1\tdog\n"
    head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
    table = read({"a.wav": "", "a.Table.1.selections.txt": head + rows})
    assert [row.cells["Channel"] for row in table.rows] == ["1+2"]


def test_a_row_twice_is_counted_once_and_told(read, spans, left_out) -> None:
    row = "2\tSpectrogram 1\t1\t2.0\t3.0\t0.0\t8000.0\tcat\n"
    again = row.replace("2\t", "7\t", 1)
    table = read({"a.wav": "", "a.Table.1.selections.txt": RAVEN + row + again, "a.Table.2.selections.txt": RAVEN})
    assert spans(table) == TWO
    assert left_out(table) == {"the same stretch and label as one before": 4}


@pytest.mark.parametrize(
    "name",
    [
        "a.Table.1.selections.txt",
        "a.Table.2.selections.txt",
        "a.selections.txt",
        "a.BirdNET.selection.table.txt",
        "A.TABLE.1.SELECTIONS.TXT",
        "a.wav.Table.1.selections.txt",
        "a.txt",
        "a_ann.csv",
    ],
)
def test_names_of_tables(name: str, read, spans) -> None:
    assert spans(read({"a.wav": "", "ab.wav": "", name: RAVEN})) == TWO


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_saved_by_a_spreadsheet(separator: str, encoding: str, read, spans) -> None:
    text = RAVEN.replace("\t", separator).replace("dog", f'"a{separator} ""b"" é"')
    table = read({"a.wav": "", "a.Table.1.selections.csv": text.encode(encoding)})
    assert spans(table) == [("a.wav", 0.5, 1.25, f'a{separator} "b" é'), TWO[1]]


def test_decimal_commas(read, spans) -> None:
    assert spans(read({"a.wav": "", "a.Table.1.selections.txt": RAVEN.replace(".", ",")})) == TWO


def test_quotes_are_part_of_a_label_and_trailing_cells_may_be_left_out(read, spans, left_out) -> None:
    text = HEAD + '1\t0\t1\t"one\n2\t1\t2\n3\t2\t3\t\n4\t3\t4\t"two"\n5\t4\t4\tx\n'
    table = read({"a.wav": "", "a.Table.1.selections.txt": text})
    assert spans(table) == [("a.wav", 0.0, 1.0, '"one'), ("a.wav", 3.0, 4.0, '"two"')]
    assert left_out(table) == {"without a label: write one": 2, "points in time, which have no sound: widen them": 1}


def test_the_first_filled_annotation_column_is_the_label(read) -> None:
    text = "Begin Time (s)\tEnd Time (s)\tAnnotation\tCommon Name\tSpecies Code\n0\t1\t\tAmsel\teurbla\n"
    table = read({"a.wav": "", "a.Table.1.selections.txt": text})
    assert [(row.cells["label"], row.cells["Species Code"]) for row in table.rows] == [("Amsel", "eurbla")]


def test_one_table_for_many_recordings(read, spans) -> None:
    text = (
        "Selection\tBegin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tAnnotation\n"
        "1\t0.5\t1.5\tD:\\field\\north\\a.wav\t0.5\tdog\n"
        "2\t60.5\t61.75\tD:\\field\\south\\a.wav\t0.5\tcat\n"
        "3\t121\t122\tD:\\field\\south\\B.WAV\t1\tcat\n"
    )
    recordings = {"north/a.wav": "", "south/a.wav": "", "south/b.wav": "", "south/c.wav": ""}
    table = read({**recordings, "BirdNET_SelectionTable.txt": text})
    assert spans(table) == [
        ("north/a.wav", 0.5, 1.5, "dog"),
        ("south/a.wav", 0.5, 1.75, "cat"),
        ("south/b.wav", 1.0, 2.0, "cat"),
    ]
    assert [(one.what, one.count, one.examples[0].rpartition("/")[2]) for one in table.omitted] == [
        ("recordings", 1, "c.wav")
    ]


def test_times_of_many_recordings_without_an_offset(read, spans) -> None:
    head = "Begin Time (s)\tEnd Time (s)\tBegin File\tAnnotation\n"
    each = "0\t1\ta.wav\tdog\n3\t4\ta.wav\tcat\n0\t1\tb.wav\tdog\n3\t4\tb.wav\tcat\n"
    recordings = {"a.wav": "", "b.wav": ""}
    assert len(spans(read({**recordings, "all.txt": head + each}))) == 4
    with pytest.raises(DataError, match=r"all\.txt: a table of 2 recordings must have the column 'File Offset \(s\)'"):
        read({**recordings, "all.txt": head + "0\t1\ta.wav\tdog\n3\t4\ta.wav\tcat\n60\t61\tb.wav\tdog\n"})


def test_a_recording_that_was_renamed_is_the_one_beside_its_table(read, spans) -> None:
    text = "Begin Time (s)\tEnd Time (s)\tBegin File\tAnnotation\n0\t1\told.wav\tdog\n"
    assert spans(read({"new.flac": "", "b.wav": "", "new.Table.1.selections.txt": text})) == [
        ("new.flac", 0.0, 1.0, "dog")
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Selection\tView\n1\tx\n", r"must have the column 'Begin Time \(s\)'"),
        ("Begin Time (s)\tEnd Time (s)\n1\t2\n", r"must have an annotation column: Label, Annotation"),
        (RAVEN + "3\tSpectrogram 1\n", r"line 5: 'Begin Time \(s\)' must be a number of seconds\. Got ''"),
        (RAVEN + "3\tSpectrogram 1\t1\t1\t2\t0\t1\tdog\tmore\n", r"line 5: every cell must have a column\. 'more'"),
        (HEAD.replace("\n", "\tfile_name\n") + "1\t1\t2\tdog\tx\n", "line 2: the column 'file_name' is made from"),
        (RAVEN.splitlines()[0], r"must name at least one recording\. It has no rows"),
    ],
)
def test_tables_that_cannot_be_read(text: str, says: str, read) -> None:
    with pytest.raises(DataError, match=says):
        read({"a.wav": "", "a.Table.1.selections.txt": text})
