"""No output replaces an input, another output, or a file that auricle did not write, in any command that writes."""

import os
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.models import OptionInfo

from auricle.cli.app import load_command
from auricle.cli.commands import COMMANDS
from auricle.cli.outputs import KINDS, check_output
from auricle.errors import UsageError

TRAIN = ["train", "{data}", "--label", "label", "--models", "linear"]

WRITERS: dict[str, tuple[list[str], list[str]]] = {
    "train -o": ([*TRAIN, "-o"], [".auricle", ".docx"]),
    "train --report": ([*TRAIN, "-o", "{out}/m.auricle", "--report"], [".html"]),
    "train --journal": ([*TRAIN, "-o", "{out}/m.auricle", "--tune", "optuna", "--journal"], [".journal"]),
    "features -o": (["features", "{data}", "-o"], [".csv", ".parquet"]),
    "inspect -o": (["inspect", "{data}", "-o"], [".html"]),
    "evaluate --report": (["evaluate", "{model}", "{data}", "--report"], [".html"]),
    "monitor --report": (["monitor", "{model}", "{data}", "--report"], [".html"]),
    "predict -o": (["predict", "{model}", "{data}/clips", "-o"], [".jsonl", ".csv", ".json"]),
    "plot -o": (["plot", "{data}/clips/0001.wav", "-o"], [".png", ".svg", ".pdf"]),
    "export -o": (["export", "{model}", "-o"], [".onnx"]),
    "feedback export -o": (["feedback", "export", "-o"], [".csv"]),
}
"""Options that name a file to write, and the suffixes of it; `demo` writes a folder."""

KEPT = {".auricle": b"{}", ".docx": b"PK\3\4 and so on", ".csv": b"a,b\n1,2\n", ".json": b'{"name": "mine"}\n'}
"""What people keep under such names; bytes of no kind under the others."""

OURS = {
    "bundle": None,
    "journal of trials": b'{"op_code":0,"worker_id":"a"}\n',
    "CSV table of features": b"file,start_s,end_s,group,label,mfcc00_mean\n",
    "Parquet table of features": b"PAR1 file start_s end_s group PAR1",
    "table of labels": b"id,label,target,who,key,via,time,answer,model,file\n",
    "CSV table of predictions": b"file,level,start_s,end_s,value,unknown\n",
    "JSON lines of predictions": b'{"file": "a.wav"}\n',
    "report": b'<!doctype html>\n<html>\n<meta name="generator" content="auricle">',
    "PNG picture": b"\x89PNG tEXtSoftware\0Matplotlib",
    "SVG picture": b"<?xml Matplotlib",
    "PDF picture": b"%PDF-1.4\n%\xac\xdc \xab\xba\n",
    "ONNX graph": b"\x08\x08\x12\x07auricle",
    "card of a graph": b'{\n "what": "m",\n "made_with": {\n "auricle": "0.1.0"',
}


def options_that_write() -> set[str]:
    """Return the commands and their options of paths that are not read."""
    read = {"root", "config", "explain", "embedding"}
    found = set()
    for name in COMMANDS:
        for parameter, hint in get_type_hints(load_command(name), include_extras=True).items():
            kind, option = get_args(hint) or (None, None)
            if "Path" in str(kind) and isinstance(option, OptionInfo) and parameter not in read:
                words = [word for word in (option.default, *(option.param_decls or ())) if str(word).startswith("-")]
                found.add(f"{name} {min(words, key=len, default=f'--{parameter}')}")
    return found


def test_every_option_that_writes_a_file_is_tried() -> None:
    assert options_that_write() == {*WRITERS, "demo -o"}


@pytest.mark.parametrize(("name", "suffix"), [(name, suffix) for name in WRITERS for suffix in WRITERS[name][1]])
@pytest.mark.parametrize("place", ["kept", "behind a link"])
def test_a_file_of_another_kind_is_refused(
    name: str, suffix: str, place: str, auricle, states_file: Path, sounds: Path, out: Path
) -> None:
    kept = KEPT.get(suffix, b"\x7fELF\0 and so on")
    target = out / f"kept{suffix}"
    (out / "elsewhere").write_bytes(kept)
    target.symlink_to(out / "elsewhere") if place == "behind a link" else target.write_bytes(kept)
    names = {"data": sounds, "model": states_file, "out": out}
    ran = auricle(*(argument.format(**names) for argument in WRITERS[name][0]), target)
    assert ran.code == 2
    if name != "feedback export -o":  # there is no store
        assert "the file exists, and is not a " in ran.sentence
    assert target.read_bytes() == kept
    assert {path.name for path in out.iterdir()} == {target.name, "elsewhere"}


@pytest.mark.parametrize("name", ["train -o", "features -o", "predict -o"])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_an_input_is_not_replaced(name: str, link, auricle, states_file: Path, sounds: Path, out: Path) -> None:
    names = {"data": sounds, "model": states_file, "out": out}
    recording = target = next((sounds / "clips").glob("*.wav"))
    if link is not None:
        link(recording, target := out / f"x{WRITERS[name][1][0]}")
    before = recording.read_bytes()
    ran = auricle(*(argument.format(**names) for argument in WRITERS[name][0]), target)
    assert ran.code == 2
    assert recording.read_bytes() == before


def test_the_model_and_the_table_are_inputs(auricle, states_file: Path, sounds: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.auricle"
    model.write_bytes(states_file.read_bytes())
    ran = auricle("predict", model, sounds, "-o", model)
    same = "the output must not replace what the command reads or writes elsewhere. Name another file."
    assert ran.sentence == f"{model}: {same}"
    table = sounds / "metadata.csv"
    ran = auricle("features", table, "--label", "label", "-o", table)
    assert ran.sentence == f"{table}: {same}"
    ran = auricle("features", sounds, "--label", "label", "-o", table)
    assert "the file exists among the recordings in " in ran.sentence


def test_two_outputs_need_two_names(auricle, states_file: Path, sounds: Path, out: Path) -> None:
    both = out / "x.html"
    train = ("train", sounds, "--label", "label", "--models", "linear", "-o", both)
    for arguments in (
        (*train, "--report", both),
        (*train, "--report", out / ".." / "out" / "x.html"),
        (*train, "--tune", "optuna", "--journal", both),
        ("predict", states_file, sounds, "--store", f"sqlite:///{both}", "-o", both),
    ):
        ran = auricle(*arguments)
        assert "must not replace what the command reads or writes elsewhere" in ran.sentence
        assert list(out.iterdir()) == []


@pytest.mark.parametrize("form", ["audacity", "raven"])
def test_labels_of_one_recording_are_not_replaced(
    form: str, auricle, states_file: Path, sounds: Path, out: Path
) -> None:
    track = out / "a.txt"
    track.write_text("0.0\t0.1\tby hand\n")
    ran = auricle("predict", states_file, sounds / "clips" / "0001.wav", "--format", form, "-o", track)
    assert ran.sentence == (
        f"{track}: the file exists, and may hold labels made by hand. Move it away, or write elsewhere."
    )
    assert track.read_text() == "0.0\t0.1\tby hand\n"


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_output_and_an_empty_file_may_be_replaced(kind: str, states_file: Path, tmp_path: Path) -> None:
    for content in (OURS[kind] or states_file.read_bytes(), b""):
        (tmp_path / "x").write_bytes(content)
        check_output(tmp_path / "x", kind, [None, tmp_path / "gone", "a" * 300])
    for other in (b"RIFF\0\0\0\0WAVE", b"a", *(ours for name, ours in OURS.items() if ours and name != kind)):
        (tmp_path / "x").write_bytes(other)
        with pytest.raises(UsageError, match="the file exists, and is not a "):
            check_output(tmp_path / "x", kind)


def test_what_commands_write_they_replace(auricle, states_file: Path, sounds: Path, out: Path) -> None:
    names = {"data": sounds, "model": states_file, "out": out}
    for name in ("features -o", "inspect -o", "predict -o", "plot -o", "export -o"):
        for suffix in WRITERS[name][1]:
            for _ in range(2):
                ran = auricle(*(argument.format(**names) for argument in WRITERS[name][0]), out / f"x{suffix}")
                assert ran.code == 0, ran.err
        for path in out.iterdir():
            path.unlink()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", ""], "One is empty"),
        (["inspect", " "], "One is empty"),
        (["predict", "m.auricle", ""], "One is empty"),
        (["features", "sounds", "-o", ""], "`-o` has none"),
        (["train", "t.csv", "--root=", "-o", "m.auricle"], "`--root` has none"),
        (["demo", "-o", ""], "`-o` has none"),
        (["serve", "m.auricle", "--config", ""], "`--config` has none"),
        (["models", "list", "--store", ""], "`--store` has none"),
    ],
)
def test_an_empty_argument_is_an_error(arguments: list[str], says: str, auricle) -> None:
    ran = auricle(*arguments)
    assert ran.code == 2
    assert ran.sentence == f"Every argument must have a value. {says}: is a variable unset?"
