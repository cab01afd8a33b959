import pytest

from auricle.errors import DataError


def test_annotations(read, spans) -> None:
    text = "audio_file,annotation_file,annotation,start_time,end_time,low_f,high_f\na.wav,a.txt,dog,0.5,1.5,0,9\n"
    table = read({"a.wav": "", "all.csv": text})
    assert spans(table) == [("a.wav", 0.5, 1.5, "dog")]
    assert (table.rows[0].cells["low_f"], table.rows[0].cells["annotation_file"]) == ("0", "a.txt")


def test_clips_of_one_class_and_those_of_none_or_several(read, spans, left_out) -> None:
    text = "file,start_time,end_time,dog,cat\n./a.wav,0,3,1,0\n./a.wav,3,6,0.0,\n./a.wav,6,9,True,true\nb.wav,0,3,0,1\n"
    table = read({"a.wav": "", "b.wav": "", "clip_labels.csv": text})
    assert spans(table) == [("a.wav", 0.0, 3.0, "dog"), ("b.wav", 0.0, 3.0, "cat")]
    assert left_out(table) == {"clips of no class": 1, "clips of several classes, and a recording has one": 1}


def test_pandas_numbers_of_rows_are_no_class(read, spans) -> None:
    text = ",file,start_time,end_time,dog,cat\n0,a.wav,0,3,1,0\n1,a.wav,3,6,0,1\n"
    assert spans(read({"a.wav": "", "labels.csv": text})) == [("a.wav", 0.0, 3.0, "dog"), ("a.wav", 3.0, 6.0, "cat")]


def test_a_table_named_itself_finds_its_recordings(place) -> None:
    from auricle.datasets.dataset import Dataset

    text = "file,start_time,end_time,label\ndeep/a.wav,0,3,dog\n"
    data = Dataset.load(place({"deep/a.wav": "", "labels.csv": text}) / "labels.csv")
    assert [(e.file.name, e.start_s, e.end_s, e.label) for e in data.examples] == [("a.wav", 0.0, 3.0, "dog")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "file,start_time,end_time\na.wav,0,3\n",
            "line 2: a clip must have the column 'annotation', or one of 0 and 1",
        ),
        ("file,start_time,end_time,dog\na.wav,0,3,0.7\n", "line 2: a class must be present .* 'dog' is '0.7'"),
        ("file,start_time,end_time,label\na.wav,zero,3,x\n", "line 2: 'start_time' must be a number of seconds"),
    ],
)
def test_tables_that_cannot_be_read(text: str, says: str, read) -> None:
    with pytest.raises(DataError, match=says):
        read({"a.wav": "", "all.csv": text})
