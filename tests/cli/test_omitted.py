"""The law of reading: what a command leaves out of what it was given is printed, and in its JSON and page."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auricle.datasets.annotations.reader import FORMATS
from auricle.datasets.readers import READERS, read_table
from auricle.records import MAX_EXAMPLES, Omitted, count_omitted
from auricle.reports.html import Page, omissions

LEFT_OUT = {
    ("files", "not sound"): 2,
    ("recordings", "hidden"): 1,
    ("folders", "links to folders are not followed"): 1,
}


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two classes of four recordings, and what else people keep beside them."""
    for label, hz in (("imbalance", 120.0), ("worn_bearing", 900.0)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for n in range(4):
            sound = np.sin(2 * np.pi * hz * np.arange(4000) / 8000) + 0.1 * rng.standard_normal(4000)
            soundfile.write(tmp_path / "data" / label / f"{n}.wav", 0.3 * sound, 8000)
    data = tmp_path / "data"
    (data / "README.md").write_text("Recorded in March.")
    (data / "imbalance" / "0.pdf").write_text("A page.")
    (data / "imbalance" / ".wav").mkdir()
    (data / "worn_bearing" / "._0.wav").write_bytes(b"\x00\x05\x16\x07")
    (data / "worn_bearing" / "more").symlink_to(data / "imbalance")
    return data


def _table(folder: Path, name: str, write: Callable[[Path, list[dict[str, str]]], None]) -> None:
    files = [file for file in sorted(folder.rglob("*.wav")) if file.is_file() and not file.name.startswith(".")]
    rows = [{"file_name": str(file.relative_to(folder)), "label": file.parent.name} for file in files[:-1]]
    write(folder / name, rows)


def _csv(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\n".join(["file_name,label", *(",".join(row.values()) for row in rows)]))


def _jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\n".join(map(json.dumps, rows)))


def _parquet(path: Path, rows: list[dict[str, str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)


def _counts(omitted: list[dict[str, Any]] | tuple[Omitted, ...]) -> dict[tuple[str, str], int]:
    found = [one.as_json() if isinstance(one, Omitted) else one for one in omitted]
    return {(one["what"], one["reason"]): one["count"] for one in found}


WRITERS = {"metadata.csv": _csv, "metadata.jsonl": _jsonl, "metadata.parquet": _parquet}


@pytest.mark.parametrize("name", WRITERS)
def test_a_recording_that_a_folders_table_does_not_name_is_counted(name: str, folder: Path) -> None:
    _table(folder, name, WRITERS[name])
    assert _counts(read_table(folder).omitted) == {**LEFT_OUT, ("recordings", "named by no row or annotation"): 1}


@dataclass(frozen=True)
class Beside:
    """The name of the marks of a recording, and their text."""

    name: str
    text: str


MARKS = {
    "Audacity": Beside("{stem}.txt", "0\t0.25\ta\n"),
    "BirdNET": Beside("{stem}.csv", "Start (s),End (s),Scientific name,Common name,Confidence\n0,0.25,A a,a,0.9\n"),
    "Kaleidoscope": Beside("{stem}.csv", "IN FILE,OFFSET,DURATION,TOP1MATCH\n{stem}.wav,0,0.25,a\n"),
    "OpenSoundscape": Beside("{stem}.csv", "file,start_time,end_time,annotation\n{stem}.wav,0,0.25,a\n"),
    "Praat": Beside(
        "{stem}.TextGrid",
        'File type = "ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"IntervalTier"\n""\n0\n1\n1\n0\n0.25\n"a"\n',
    ),
    "Raven": Beside(
        "{stem}.Table.1.selections.txt", "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t0\t0.25\ta\n"
    ),
}
ANNOTATIONS = f"folder of recordings beside annotations ({', '.join(FORMATS)})"


@pytest.mark.parametrize("form", FORMATS)
def test_a_recording_without_marks_is_counted(form: str, folder: Path) -> None:
    for file in sorted((folder / "imbalance").glob("[1-3].wav")):
        beside = file.with_name(MARKS[form].name.format(stem=file.stem))
        beside.write_text(MARKS[form].text.format(stem=file.stem))
    assert next(name for name, reader in READERS.items() if reader.accepts(folder)) == ANNOTATIONS
    assert _counts(read_table(folder).omitted) == {**LEFT_OUT, ("recordings", "named by no row or annotation"): 5}


def _is_of_a_folder(form: str) -> bool:
    return form.startswith("folder")


def test_every_reader_of_a_folder_is_tried_here() -> None:
    tried = {ANNOTATIONS, *(f"folder with {name}" for name in WRITERS), "folder with one sub-folder per class"}
    assert {form for form in READERS if _is_of_a_folder(form)} == tried


COMMANDS: dict[str, list[str]] = {
    "train": ["train", "{data}", "-o", "{out}/m.auricle", "--models", "linear", "--report", "{page}"],
    "inspect": ["inspect", "{data}", "-o", "{page}"],
    "features": ["features", "{data}", "-o", "{out}/rows.csv"],
    "evaluate": ["evaluate", "{model}", "{data}", "--report", "{page}"],
    "predict": ["predict", "{model}", "{data}", "-o", "{out}/p.jsonl"],
    "monitor": ["monitor", "{model}", "{data}", "--report", "{page}"],
}
"""Commands that read recordings, whose classes the model need not know."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_left_out(command: str, auricle, folder: Path, states_file: Path, out: Path) -> None:
    names = {"data": folder, "out": out, "model": states_file, "page": out / "page.html"}
    arguments = [argument.format(**names) for argument in COMMANDS[command]]
    strict = auricle(*arguments, "--strict")
    assert strict.code == 2
    assert strict.sentence.startswith("With `--strict`, nothing may be left out. 4 left out: ")
    assert list(out.iterdir()) == []
    ran = auricle(*arguments, "--json")
    assert ran.code in (0, 4)
    assert _counts(json.loads(ran.out)["omitted"]) == LEFT_OUT
    assert [reason for _, reason in LEFT_OUT if reason not in ran.err] == []
    if "{page}" in COMMANDS[command]:
        page = (out / "page.html").read_text(encoding="utf-8")
        assert [reason for _, reason in LEFT_OUT if reason not in page] == []


def test_what_is_left_out_is_counted_by_reason_with_the_first_examples() -> None:
    many = count_omitted(("rows", "no label", f"t.csv, line {n}") for n in range(2, 9))
    assert [str(one) for one in many] == ["7 rows left out: no label (t.csv, line 2; t.csv, line 3; t.csv, line 4; …)."]
    assert len(many[0].examples) == MAX_EXAMPLES
    assert str(Omitted("rows", "no label", 1)) == "1 row left out: no label."
    assert omissions(()) == ()
    assert "7" in Page("t", "v", omissions(many)).html()
