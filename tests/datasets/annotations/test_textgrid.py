import pytest

from auricle.errors import DataError

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 6
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "word"
        xmin = 0
        xmax = 6
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "one ""1""! 2"
        intervals [2]:
            xmin = 0.5
            xmax = 1
            text = ""
        intervals [3]:
            xmin = 1
            xmax = 6
            text = "two"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 6
        points: size = 1
        points [1]:
            number = 3.5
            mark = "click"
"""
SHORT = """File type = "ooTextFile"
"TextGrid"
0
6
<exists>
2
"IntervalTier"
"word" ! a comment
0
6
3
0
0.5
"one ""1""! 2"
0.5
1
""
1
6
"two"
"TextTier"
"clicks"
0
6
1
3.5
"click"
"""


@pytest.mark.parametrize(
    "text", [LONG, SHORT, LONG.replace("\n", "\r\n"), SHORT.replace('"word"', "\n\n  'x' \"word\"")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_both_forms(text: str, encoding: str, read, spans, left_out) -> None:
    table = read({"a.wav": "", "a.TextGrid": text.replace("two", "zwölf").encode(encoding)})
    assert spans(table) == [("a.wav", 0.0, 0.5, 'one "1"! 2'), ("a.wav", 1.0, 6.0, "zwölf")]
    assert {row.cells["tier"] for row in table.rows} == {"word"}
    assert left_out(table) == {"points of a point tier, which have no sound": 1}


def test_positions_are_lines(read) -> None:
    table = read({"a.wav": "", "a.TextGrid": LONG})
    assert [row.where.rpartition("/")[2] for row in table.rows] == ["a.TextGrid, line 16", "a.TextGrid, line 24"]
    assert table.omitted[0].examples[0].endswith("a.TextGrid, line 34")


def test_a_file_without_tiers_marks_nothing(read) -> None:
    with pytest.raises(DataError, match=r"must name at least one recording\. It has no rows"):
        read(
            {"a.wav": "", "a.TextGrid": 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n6\ntiers? <absent>\n'}
        )


SPEAKERS = 'File type = "ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n2\n' + "".join(
    f'"IntervalTier"\n"{{{n}}}"\n0\n9\n2\n{{{n + 2}}}\n"a"\n{{{n + 4}}}\n"b"\n' for n in range(2)
)


def test_tiers_of_speakers_who_take_turns(read, spans) -> None:
    table = read({"a.wav": "", "a.TextGrid": SPEAKERS.format("Ann", "Bob", "0\n1", "1\n2", "2\n3", "3\n9")})
    assert [(start_s, label) for _, start_s, _, label in spans(table)] == [
        (0.0, "a"),
        (2.0, "b"),
        (1.0, "a"),
        (3.0, "b"),
    ]


def test_tiers_that_overlap_are_refused(read) -> None:
    with pytest.raises(DataError, match=r"The tiers 'words' and 'phones' overlap at 0\.5 s\. Keep one"):
        read({"a.wav": "", "a.TextGrid": SPEAKERS.format("words", "phones", "0\n2", "0.5\n1", "2\n4", "5\n6")})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LONG[: LONG.index('text = "two"')], r"a TextGrid must be whole\. It ends before the text of an annotation"),
        (LONG.replace("size = 3", "size = 2"), r"line 24: the class of a tier must come here\. Got '1'"),
        (LONG.replace("points: size = 1", "points: size = 0"), r"line 34: a TextGrid must hold as many annotations"),
        (LONG.replace("TextTier", "Pitch"), r"a tier must be an IntervalTier or a TextTier\. Got 'Pitch'"),
        (LONG.replace("xmax = 0.5", 'xmax = "0.5"'), r"line 17: the end of an interval must come here\. Got '0\.5'"),
        (SHORT.replace("\n3.5\n", "\n<absent>\n"), r"the time of an annotation must be a number\. Got '<absent>'"),
    ],
)
def test_files_that_cannot_be_read(text: str, says: str, read) -> None:
    with pytest.raises(DataError, match=says):
        read({"a.wav": "", "a.TextGrid": text})
