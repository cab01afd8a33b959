import pytest

from auricle.errors import DataError

RESULTS = (
    "Start (s),End (s),Scientific name,Common name,Confidence\n"
    "0.0,3.0,Turdus merula,Eurasian Blackbird,0.81\n"
    "3.0,6.0,Erithacus rubecula,European Robin,0.42\n"
)


def test_the_results_beside_a_recording(read, spans) -> None:
    table = read({"a.wav": "", "a.BirdNET.results.csv": RESULTS})
    assert spans(table) == [("a.wav", 0.0, 3.0, "Eurasian Blackbird"), ("a.wav", 3.0, 6.0, "European Robin")]
    assert table.rows[0].cells["Scientific name"] == "Turdus merula"
    assert table.rows[0].cells["Confidence"] == "0.81"


def test_one_table_for_many_recordings(read, spans) -> None:
    rows = RESULTS.replace("Confidence", "Confidence,File").replace("0.81", "0.81,/far/a.wav")
    table = read({"a.wav": "", "deep/b.wav": "", "BirdNET_CombinedTable.csv": rows.replace("0.42", "0.42,b.wav")})
    assert spans(table) == [("a.wav", 0.0, 3.0, "Eurasian Blackbird"), ("deep/b.wav", 3.0, 6.0, "European Robin")]


@pytest.mark.parametrize(
    "head",
    [
        "filepath,start,end,scientific_name,common_name,confidence",
        "input,start_time,end_time,x,species_name,confidence",
    ],
)
def test_the_tables_for_r_and_of_the_package(head: str, read, spans) -> None:
    assert spans(read({"a.wav": "", "r.csv": f"{head}\na.wav,0,3,Turdus merula,Amsel,0.8\n"})) == [
        ("a.wav", 0.0, 3.0, "Amsel")
    ]


def test_of_two_species_in_a_stretch_the_more_confident_is_its_label(read, spans, left_out) -> None:
    more = "0.0,3.0,Parus major,Great Tit,0.9\n3.0,6.0,Parus major,Great Tit,0.1\n"
    table = read({"a.wav": "", "a.BirdNET.results.csv": RESULTS + more})
    assert spans(table) == [("a.wav", 3.0, 6.0, "European Robin"), ("a.wav", 0.0, 3.0, "Great Tit")]
    assert left_out(table) == {"another label of the stretch has more confidence": 2}


def test_times_must_be_numbers(read) -> None:
    with pytest.raises(DataError, match=r"line 3: 'Start \(s\)' must be a number of seconds\. Got 'soon'"):
        read({"a.wav": "", "a.BirdNET.results.csv": RESULTS.replace("3.0,6.0", "soon,6.0")})
