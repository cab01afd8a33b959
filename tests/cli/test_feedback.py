"""``auricle feedback``: labels exported are imported again, and bad labels are listed."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store

Run = Callable[..., Any]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'engine.db'}"


@pytest.fixture
def logged(url: str, make_entry: Callable[..., Entry]) -> tuple[Entry, ...]:
    """Log entries: three of a classifier, and one of a regressor."""
    number = {"probabilities": None, "confidence": None, "label": None, "labels": None, "model": "speed@1"}
    added = (*(make_entry(source=f"{name}.wav") for name in "abc"), make_entry(value=7.0, **number))
    with Store.open(url) as store:
        store.add(added)
    return added


def test_exported_labels_can_be_imported(auricle: Run, logged: tuple[Entry, ...], url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        store.feedback.add(FeedbackEntry(logged[0].id, "worn"))
        store.feedback.add(FeedbackEntry(logged[0].id, "fine", key="abcd2345", who="ann"))
        store.feedback.add(FeedbackEntry(logged[3].id, target=6.5))
    table = tmp_path / "labels.csv"
    assert auricle("feedback", "export", "-o", table, "--store", url).code == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["label"], row["target"], row["who"], row["answer"]) for row in rows] == [
        (logged[0].id, "fine", "", "ann", "worn"),
        (logged[3].id, "", "6.5", "", "7.0"),
    ]
    assert auricle("feedback", "export", "--store", url).out == table.read_text()
    ran = auricle("feedback", "import", table, "--store", url)
    assert (ran.code, ran.err) == (0, "Labels imported: 2; refused: 0.\n")
    exported = json.loads(auricle("feedback", "export", "--model", "speed", "--json", "--store", url).out)["feedback"]
    assert [(row["target"], row["via"]) for row in exported] == [(6.5, "csv")]


def test_bad_labels_are_listed_and_the_others_imported(
    auricle: Run, logged: tuple[Entry, ...], url: str, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        f"id,label,target,who\ngone,fine,,\n{logged[0].id},broken,,\n{logged[1].id},fine,,bob\n{logged[3].id},,fast,\n"
    )
    ran = auricle("feedback", "import", table, "--who", "ann", "--json", "--store", url)
    assert ran.code == 1
    outcome = json.loads(ran.out)
    assert outcome["taken"] == 1
    assert [failure["error"]["kind"] for failure in outcome["failed"]] == ["missing", "usage", "usage"]
    assert outcome["failed"][0]["where"] == f"{table}, line 2"
    shown = auricle("feedback", "import", table, "--store", url)
    assert "line 5: A `target` must be a number. Got 'fast'." in shown.err
    assert "Labels imported: 1; refused: 3." in shown.err
    with Store.open(url) as store:
        assert [entry.who for entry in store.feedback.of([logged[1].id])[logged[1].id]] == ["bob"] * 2


def test_a_label_track_names_predictions_by_name_and_time(
    auricle: Run, logged: tuple[Entry, ...], url: str, tmp_path: Path
) -> None:
    track = tmp_path / "b.txt"
    track.write_text("0.1\t1.6\tfine\n5.0\t6.0\tworn\n")
    ran = auricle("feedback", "import", track, "--who", "ann", "--store", url)
    assert ran.code == 1
    assert "b.txt, line 2: No prediction of 'b' lies for the most part between 5 and 6 s." in ran.err
    with Store.open(url) as store:
        given = store.feedback.of([entry.id for entry in logged])
    assert [(entry.label, entry.who, entry.via) for entry in given.pop(logged[1].id)] == [("fine", "ann", "audacity")]
    assert given == {}


def test_annotations_of_other_programs_label_predictions_too(
    auricle: Run, logged: tuple[Entry, ...], url: str, tmp_path: Path
) -> None:
    table = tmp_path / "all.txt"
    table.write_text(
        "Begin Time (s)\tEnd Time (s)\tBegin File\tAnnotation\n0.1\t1.6\tC:\\b.wav\tfine\n1\t1\tC:\\b.wav\tclick\n"
    )
    ran = auricle("feedback", "import", table, "--who", "ann", "--store", url)
    assert ran.code == 1
    assert "all.txt, line 3: Left out: points in time, which have no sound: widen them." in ran.err
    with Store.open(url) as store:
        assert [entry.label for entry in store.feedback.of([logged[1].id])[logged[1].id]] == ["fine"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("labels.csv", "file,label\na.wav,fine\n", "feedback must have the columns `id` and `label` or `target`"),
        ("labels.csv", "", "a table must begin with a row of column names"),
        ("labels.csv", "id,label\n", "a table must name at least one recording"),
        ("b.txt", "fine\n", "annotations must be of Raven"),
        ("none.csv", None, "the table cannot be read: No such file or directory"),
        ("none.txt", None, "the annotations cannot be read: No such file or directory"),
    ],
)
@pytest.mark.usefixtures("logged")
def test_a_bad_file_is_one_sentence(
    auricle: Run, url: str, tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ran = auricle("feedback", "import", tmp_path / name, "--store", url)
    assert ran.code == 2
    assert sentence in ran.sentence


@pytest.mark.usefixtures("logged")
def test_the_export_must_be_a_csv_file(auricle: Run, url: str, tmp_path: Path) -> None:
    ran = auricle("feedback", "export", "-o", tmp_path / "labels.txt", "--store", url)
    assert ran.code == 2
    assert r"the table's name must end in .csv" in ran.sentence
