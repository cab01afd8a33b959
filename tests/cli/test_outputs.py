"""No output replaces an input, a file among the inputs, or a file of another kind, in any command that writes."""

from pathlib import Path

import pytest

from auricle.cli.outputs import KINDS, check_output
from auricle.errors import UsageError

WRITERS: dict[str, tuple[list[str], str]] = {
    "train": (["train", "{data}", "--models", "linear", "-o"], ".auricle"),
    "train report": (["train", "{data}", "--models", "linear", "-o", "{out}/m.auricle", "--report"], ".html"),
    "features": (["features", "{data}", "-o"], ".csv"),
    "features in Parquet": (["features", "{data}", "-o"], ".parquet"),
    "inspect": (["inspect", "{data}", "-o"], ".html"),
    "evaluate": (["evaluate", "{model}", "{data}", "--report"], ".html"),
    "monitor": (["monitor", "{model}", "{data}", "--report"], ".html"),
    "predict": (["predict", "{model}", "{data}/clips", "-o"], ".jsonl"),
    "predict in CSV": (["predict", "{model}", "{data}/clips", "-o"], ".csv"),
    "plot": (["plot", "{data}/clips/0000.wav", "-o"], ".png"),
    "export": (["export", "{model}", "-o"], ".onnx"),
    "feedback": (["feedback", "export", "-o"], ".csv"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("place", ["kept", "behind a link"])
def test_a_file_of_another_kind_is_refused(
    name: str, place: str, auricle, states_file: Path, sounds: Path, out: Path
) -> None:
    arguments, suffix = WRITERS[name]
    kept = b"\x7fELF\0 and so on" if suffix != ".auricle" else b"{}"
    target = out / f"kept{suffix}"
    (out / "elsewhere").write_bytes(kept)
    target.symlink_to(out / "elsewhere") if place == "behind a link" else target.write_bytes(kept)
    names = {"data": sounds.parent if sounds.is_file() else sounds, "model": states_file, "out": out}
    ran = auricle(*(argument.format(**names) for argument in arguments), target)
    assert ran.code == 2
    if name != "feedback":
        assert "the file exists, and is no " in ran.sentence
    assert target.read_bytes() == kept
    assert {path.name for path in out.iterdir()} == {target.name, "elsewhere"}


@pytest.mark.parametrize("name", ["train", "features", "predict", "predict in CSV"])
def test_an_input_is_not_replaced(name: str, auricle, states_file: Path, sounds: Path, out: Path) -> None:
    arguments, _ = WRITERS[name]
    names = {"data": sounds, "model": states_file, "out": out}
    target = next((sounds / "clips").glob("*.wav"))
    before = target.read_bytes()
    ran = auricle(*(argument.format(**names) for argument in arguments), target)
    assert ran.code == 2
    assert target.read_bytes() == before


def test_the_model_and_the_table_are_inputs(auricle, states_file: Path, sounds: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.auricle"
    model.write_bytes(states_file.read_bytes())
    ran = auricle("predict", model, sounds, "-o", model)
    assert ran.sentence == f"{model}: the output must not replace what the command reads. Name another file."
    table = sounds / "metadata.csv"
    ran = auricle("features", table, "--label", "label", "-o", table)
    assert ran.sentence == f"{table}: the output must not replace what the command reads. Name another file."
    ran = auricle("features", sounds, "--label", "label", "-o", table)
    assert "the file exists among the recordings in " in ran.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_output_and_an_empty_file_may_be_replaced(kind: str, tmp_path: Path) -> None:
    begins = {
        "bundle": b"PK\3\4",
        "CSV table": b"file,label\n",
        "Parquet table": b"PAR1",
        "JSON lines": b"{\n",
        "HTML page": b"\n<!DOCTYPE html>",
        "PNG picture": b"\x89PNG",
        "SVG picture": b"<?xml",
        "PDF picture": b"%PDF",
        "ONNX graph": b"\x08\x09",
        "label track": b"0.0\t1.0\thum\n",
    }
    for content in (begins[kind], b""):
        (tmp_path / "x").write_bytes(content)
        check_output(tmp_path / "x", kind, [None, tmp_path / "gone"])
    (tmp_path / "x").write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(UsageError, match=f"the file exists, and is no {kind}"):
        check_output(tmp_path / "x", kind)


@pytest.mark.parametrize("arguments", [["train", ""], ["inspect", " "], ["features", ""], ["evaluate", "{model}", ""]])
def test_an_empty_argument_is_an_error(arguments: list[str], auricle, states_file: Path, out: Path) -> None:
    ran = auricle(*(argument.format(model=states_file) for argument in arguments), "-o", out / "x.csv")
    assert ran.code == 2
    ran = auricle("predict", states_file, "")
    assert ran.sentence.startswith("Every input must be a file, folder or pattern. One is empty")
