"""The law of annotations: every line with content is read, left out by name, or refused by name."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle.datasets.annotations.marks import usable
from auricle.datasets.annotations.reader import (
    FORMATS,
    format_of,
    holds_annotations,
    read_annotated_folder,
    read_annotations,
    read_marks,
    unmarked_recordings,
)
from auricle.datasets.annotations.text import lines_of
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import extract
from auricle.datasets.readers import READERS, read_table
from auricle.errors import AuricleError, DataError
from auricle.features.spec import default_spec
from auricle.prediction.formats import FORMATS as OUTPUTS
from auricle.prediction.formats import lines as written_lines

N_FUZZ = min(int(os.environ.get("AURICLE_FUZZ", "120")), 20_000)

CASES = {
    "aud_comma": (24, {}),
    "aud_space": (24, {}),
    "aud_missing1": (18, {"named by no row or annotation": 1}),
    "rav_both": (24, {}),
    "rav_quote": (24, {}),
    "rav_short": (12, {"without a label: write one": 12}),
    "textgrid": (24, {}),
}
"""Marks in each of the real cases, and what is left out."""

EXAMPLES = {
    "Raven": "Selection\tView\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\tSpectrogram 1\t0.5\t1.5\tdog\n",
    "Kaleidoscope": "INDIR,FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH*\nC:\\x,,a.wav,0.5,1,dog\n",
    "BirdNET": "Start (s),End (s),Scientific name,Common name,Confidence\n0.5,1.5,Canis,dog,0.9\n",
    "OpenSoundscape": "file,start_time,end_time,annotation\na.wav,0.5,1.5,dog\n",
    "Praat": 'File type = "ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n"IntervalTier"\n"x"\n0\n2\n1\n0.5\n1.5\n"dog"\n',
    "Audacity": "0.5\t1.5\tdog\n",
}


@pytest.mark.recordings
@pytest.mark.parametrize("case", CASES)
def test_real_cases(case: str, recordings_dir: Path, left_out) -> None:
    folder = recordings_dir.parent / "cases" / "marks" / case
    if not folder.is_dir():
        pytest.skip("the cases are not beside this checkout")
    table = read_table(folder)
    n_marks, omitted = CASES[case]
    assert (len(table.rows), left_out(table)) == (n_marks, omitted)
    labels = {row.cells["label"] for row in table.rows}
    assert labels == ({"zero"} if case == "rav_short" else {"zero", '"one' if case == "rav_quote" else "one"})
    assert len(Dataset.load(folder)) == n_marks


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_recognised_by_its_content_alone(name: str, place, spans) -> None:
    suffix = ".TextGrid" if name == "Praat" else ".csv" if "," in EXAMPLES[name] else ".txt"
    root = place({"a.wav": "", f"a{suffix}": EXAMPLES[name]})
    assert format_of(root / f"a{suffix}") == name
    table = read_table(root)
    assert spans(table) == [("a.wav", 0.5, 1.5, "dog")]
    assert table.beside == (root / f"a{suffix}",)
    assert spans(read_annotations(root / f"a{suffix}")) == spans(read_table(root / f"a{suffix}")) == spans(table)


def test_formats_may_be_mixed_and_rows_follow_the_recordings(read, spans, left_out) -> None:
    table = read(
        {
            "b.wav": "",
            "b.TextGrid": EXAMPLES["Praat"],
            "a.wav": "",
            "a.txt": EXAMPLES["Audacity"],
            "a.Table.1.selections.txt": EXAMPLES["Raven"] + "2\tSpectrogram 1\t3\t4\tcat\n",
            "c.wav": "",
            "c.txt": "",
            "d.wav": "",
            "none.txt": EXAMPLES["Audacity"],
        }
    )
    assert spans(table) == [("a.wav", 0.5, 1.5, "dog"), ("a.wav", 3.0, 4.0, "cat"), ("b.wav", 0.5, 1.5, "dog")]
    assert left_out(table) == {
        "the same stretch and label as one before": 1,
        "no recording lies beside none.txt: name it after its recording": 1,
        "named by no row or annotation": 2,
    }
    assert [path.name for path in unmarked_recordings(table)] == ["c.wav", "d.wav"]


def test_a_recording_that_is_not_there_is_refused_by_line(place) -> None:
    text = EXAMPLES["OpenSoundscape"] + "gone/b.wav,0,1,cat\n"
    with pytest.raises(
        DataError, match=r"all\.csv, line 3: the recording must be there\. There is no file .*gone/b\.wav"
    ):
        Dataset.load(place({"a.wav": "", "all.csv": text}))


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "nul\0.wav", "~", "//"])
def test_a_name_that_no_file_can_have_is_refused_by_line(name: str, place) -> None:
    text = EXAMPLES["OpenSoundscape"] + f"{name},0,1,cat\n"
    with pytest.raises(DataError, match=r"all\.csv, line 3: the recording must be there"):
        Dataset.load(place({"a.wav": "", "all.csv": text}))


def test_a_broken_link_is_no_annotation(place) -> None:
    root = place({"a.wav": "", "a.txt": EXAMPLES["Audacity"]})
    (root / "a_1.txt").symlink_to(root / "gone.txt")
    assert len(read_table(root).rows) == 1


def test_a_file_of_annotations_may_have_another_root(place) -> None:
    root = place({"marks/all.csv": EXAMPLES["OpenSoundscape"], "sounds/a.wav": ""})
    data = Dataset.load(root / "marks" / "all.csv", root=root / "sounds")
    assert data.examples[0].file == root / "sounds" / "a.wav"


def test_a_column_of_the_label_may_be_named(place) -> None:
    root = place({"a.wav": "", "a.csv": EXAMPLES["BirdNET"]})
    assert Dataset.load(root, label="Scientific name").classes == ("Canis",)


def test_files_of_no_format_are_refused(place) -> None:
    root = place({"a.txt": "a note\n", "b.txt": (EXAMPLES["Audacity"].encode("utf-16"))[:-1], "c.pdf": ""})
    with pytest.raises(DataError, match=r"a\.txt: annotations must be of Raven, .* No line is as in one of these"):
        read_marks(root / "a.txt")
    assert [format_of(root / name) for name in ("a.txt", "b.txt", "c.pdf", "none.txt")] == [None] * 4
    assert not holds_annotations(root / "a.txt")


def test_a_long_file_is_recognised_by_its_beginning(place) -> None:
    text = "".join(f"{n}.0 {n}.5 dög\n" for n in range(12_000))
    table = read_annotated_folder(place({"a.wav": "", "a.txt": text}))
    assert len(table.rows) == 12_000


# --- parts of sound that cannot be used


@pytest.fixture
def sounding(place, rng: np.random.Generator) -> Callable[[str], Dataset]:
    """Load two seconds of noise with a track."""

    def make(track: str) -> Dataset:
        root = place({"a.txt": track})
        soundfile.write(root / "a.wav", 0.1 * rng.standard_normal(16_000), 8000)
        return Dataset.load(root)

    return make


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("1\t1.01\tdog\n", r"a\.txt, line 2: .*a\.wav: A window must hold at least one frame .* Take a longer stretch"),
        ("1\t3\tdog\n", r"a\.txt, line 2: .*a\.wav: the part from 1\.000 s to 3\.000 s must lie within the sound"),
        ("5\t6\tdog\n", r"a\.txt, line 2: .*a\.wav: the part from 5\.000 s"),
    ],
)
def test_a_mark_that_is_too_short_or_beyond_the_end_is_named_by_line(mark: str, says: str, sounding) -> None:
    data = sounding("0\t1\tcat\n" + mark)
    with pytest.raises(DataError, match=says):
        extract(data, default_spec(8000))
    kept, _, failures = extract(data, default_spec(8000), skip_bad=True)
    assert (len(kept), len(failures)) == (1, 1)
    assert str(failures[0].error).startswith(f"{data.examples[1].file.with_suffix('.txt')}, line 2: ")


# --- round trips and fuzz

LABELS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text and " ".join(text.split()) == text and len(lines_of(text)) == 1
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from([name for name, form in OUTPUTS.items() if form.is_of_one_recording]),
    marks=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 50), LABELS), min_size=1, max_size=6, unique=True),
)
def test_what_predict_writes_is_read_again(form: str, marks: list[tuple[int, int, str]], tmp_path: Path, spans) -> None:
    rows = [
        {
            "file": "a.wav",
            "level": "event",
            "start_s": start / 100,
            "end_s": (start + length) / 100,
            "label": label,
            "confidence": 0.5,
            "model": "m@1",
            "quality": {"bandwidth_hz": 100.0},
        }
        for start, length, label in marks
    ]
    (tmp_path / "a.wav").touch()
    file = tmp_path / f"a{OUTPUTS[form].suffix}"
    file.write_text("".join(written_lines(rows, format_name=form, classes=("x",))), encoding="utf-8")
    table = read_annotations(file)
    assert spans(table) == [("a.wav", row["start_s"], row["end_s"], row["label"]) for row in rows]
    assert table.omitted == ()
    file.unlink()


CELLS = st.one_of(
    st.sampled_from(
        ["", "0", "0.5", "1,5", "2", "3", "dog", '"', '"dog"', "nan", "-1", "1e999", "a.wav", "b.wav", " "]
    ),
    st.text(st.characters(exclude_characters="\t;,\r\n", exclude_categories=("Cs",)), max_size=5),
)
HEADS = {
    "Raven": ["Selection", "View", "Begin Time (s)", "End Time (s)", "Begin File", "File Offset (s)", "Annotation"],
    "Kaleidoscope": ["FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH", "MANUAL ID"],
    "BirdNET": ["Start (s)", "End (s)", "Common name", "Confidence", "File"],
    "OpenSoundscape": ["file", "start_time", "end_time", "annotation"],
}


TIMES = st.sampled_from(["0", "0.5", "1", "1.5", "2", " 3 ", "4e0"])


def _row(head: list[str]) -> st.SearchStrategy[list[str]]:
    """Rows whose times are numbers, more often than not, and which may end early."""
    cells = [TIMES if any(word in name for word in ("(s)", "_time", "OFFSET", "DURATION")) else CELLS for name in head]
    whole = st.tuples(*cells).map(list)
    return st.one_of(whole, whole.map(lambda row: row[:-1]), whole, st.lists(CELLS, max_size=8))


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a format and a text that has its header and arbitrary rows."""
    name = draw(st.sampled_from(list(HEADS)))
    separator = draw(st.sampled_from("\t;,"))
    rows = [HEADS[name], *draw(st.lists(_row(HEADS[name]), max_size=6))]
    return name, "\n".join(separator.join(row) for row in rows)


@st.composite
def tracks(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a text like a label track."""
    line = st.one_of(
        st.tuples(st.floats(0, 9), st.floats(0, 9), CELLS).map(lambda cells: "\t".join(map(str, cells))),
        st.lists(CELLS, max_size=4).map("\t".join),
        st.sampled_from(["\\\t1\t2", "\\", "0.5 1 dog", "0,5\t0,5\tpoint", "1;2;x"]),
    )
    return "Audacity", "\n".join(["0.5\t1.5\tdog", *draw(st.lists(line, max_size=6))])


@st.composite
def textgrids(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a TextGrid with some lines taken out, doubled or replaced."""
    lines = EXAMPLES["Praat"].splitlines()
    for place, new in draw(st.lists(st.tuples(st.integers(2, len(lines)), CELLS), max_size=4)):
        lines[place:place] = [new]
    cut = draw(st.integers(2, len(lines)))
    return "Praat", "\n".join([*lines[:cut], *lines[cut + draw(st.integers(0, 2)) :]])


def n_with_content(name: str, text: str) -> int:
    header = 0 if name == "Audacity" else 1
    return sum(bool(line.strip("\t;, ").strip()) for line in lines_of(text)) - header


@settings(max_examples=N_FUZZ, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.one_of(tables(), tracks(), textgrids()))
def test_every_line_is_read_or_left_out_by_name_or_refused(drawn: tuple[str, str], tmp_path: Path) -> None:
    name, text = drawn
    for recording in ("a.wav", "b.wav"):
        (tmp_path / recording).touch()
    file = tmp_path / "a.txt"
    file.write_text(text, encoding="utf-8", newline="")
    try:
        found = FORMATS[name].read(file, text)
        kept = usable(found)
    except AuricleError as error:
        assert str(error).startswith(str(file))  # noqa: PT017  (most draws are read)
        return
    assert len(kept.marks) + len(kept.left_out) == len(found.marks) + len(found.left_out)
    if name != "Praat" and '"' not in text:  # quoted cells may hold lines
        assert sum(mark.n_lines for mark in found.marks) + len(found.left_out) == n_with_content(name, text)
    if format_of(file) != name:
        return
    try:
        table = read_annotated_folder(tmp_path)
    except AuricleError as error:
        assert str(error).startswith(str(tmp_path))  # noqa: PT017
    else:
        assert len(table.rows) + sum(one.count for one in table.omitted) == len(kept.marks) + len(kept.left_out)


@settings(max_examples=N_FUZZ // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.one_of(st.binary(max_size=60), st.text(max_size=40).map(lambda text: text.encode("utf-16"))))
def test_any_bytes_are_read_or_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    for name in ("a.txt", "a.csv", "a.TextGrid"):
        (tmp_path / name).write_bytes(raw)
    try:
        read_table(tmp_path)
    except AuricleError as error:
        assert str(tmp_path) in str(error)  # noqa: PT017


def test_readers_name_the_formats() -> None:
    named = [name for name in READERS if "annotations" in name]
    assert len(named) == 2
    assert all(form in name for name in named for form in FORMATS)
    assert set(EXAMPLES) == set(FORMATS)


def test_a_folder_of_classes_stays_one(place) -> None:
    root = place({"dog/a.wav": "", "cat/b.wav": "", "README.txt": "Sounds of 2024.\n", "files.csv": "name,x\na,1\n"})
    assert [row.cells["label"] for row in read_table(root).rows] == ["cat", "dog"]
    shutil.rmtree(root / "cat")
    assert not holds_annotations(root)
