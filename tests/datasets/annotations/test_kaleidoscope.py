import pytest

from auricle.errors import DataError

CLUSTERS = (
    "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,TOP1MATCH*,TOP1DIST,MANUAL ID*\n"
    "D:\\bats,north,a.wav,0,0.5,1.25,2000,robin,0.2,{}\n"
    "D:\\bats,south\\,a.wav,0,1,0.5,2000,wren,0.1,{}\n"
)
RECORDINGS = {"north/a.wav": "", "south/a.wav": ""}


def test_the_programs_match_is_the_label_where_nobody_identified(read, spans) -> None:
    table = read({**RECORDINGS, "cluster.csv": CLUSTERS.format("", "")})
    assert spans(table) == [("north/a.wav", 0.5, 1.75, "robin"), ("south/a.wav", 1.0, 1.5, "wren")]
    assert table.rows[0].cells["Fmin"] == "2000"
    assert table.omitted == ()


def test_a_persons_identification_comes_first_and_the_others_are_counted(read, spans, left_out) -> None:
    table = read({**RECORDINGS, "cluster.csv": CLUSTERS.format("", "dunnock")})
    assert spans(table) == [("south/a.wav", 1.0, 1.5, "dunnock")]
    assert table.rows[0].cells["TOP1MATCH*"] == "wren"
    assert left_out(table) == {
        "without 'MANUAL ID*', which others have: identify them": 1,
        "named by no row or annotation": 1,
    }


@pytest.mark.parametrize("label", ["AUTO ID", "common_name"])
def test_bats_and_what_birdnet_writes_in_this_format(label: str, read, spans) -> None:
    text = f"INDIR,FOLDER,IN FILE,OFFSET,DURATION,{label}\n/data,,x.wav,3.0,3.0,MYOLUC\n"
    assert spans(read({"x.wav": "", "id.csv": text})) == [("x.wav", 3.0, 6.0, "MYOLUC")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("IN FILE,OFFSET,MANUAL ID\na.wav,1,x\n", "must have the columns 'OFFSET', 'DURATION' and 'MANUAL ID'"),
        ("IN FILE,OFFSET,DURATION\na.wav,1,1\n", "must have the columns 'OFFSET', 'DURATION' and 'MANUAL ID'"),
        ("IN FILE,OFFSET,DURATION,AUTO ID\na.wav,1,long,x\n", "line 2: 'DURATION' must be a number of seconds"),
    ],
)
def test_tables_that_cannot_be_read(text: str, says: str, read) -> None:
    with pytest.raises(DataError, match=says):
        read({"a.wav": "", "id.csv": text})
