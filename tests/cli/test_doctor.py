"""``auricle doctor``: packages, speed, and the agreement of all routes of prediction."""

import json
from pathlib import Path

import pytest

from auricle.cli import doctor as command
from auricle.prediction import consistency


@pytest.fixture
def clip(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips" / "0001.wav"


def test_packages_and_speed_are_printed(auricle) -> None:
    ran = auricle("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("auricle ")
    assert "numba " in ran.out
    assert "one core, x real time: features " in ran.out
    found = json.loads(auricle("doctor", "--json").out)
    assert found.keys() == {"auricle", "python", "platform", "cores", "libraries", "missing", "speed"}
    assert all(rate > 0 for rate in found["speed"].values())
    assert {"numpy", "onnxruntime", "soxr"} <= found["libraries"].keys()
    assert not {"test", "check"} & found["missing"].keys()


def test_all_routes_agree(auricle, states_file: Path, clip: Path) -> None:
    ran = auricle("doctor", states_file, clip)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[-1] == "All routes agree."
    assert [line.split()[0] for line in lines[-5:-1]] == ["file", "stream", "folder", "worker"]
    assert all(line.endswith("ok") for line in lines[-5:-1])


def test_routes_that_differ_exit_with_1(
    auricle, states_file: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consistency, "TOLERANCE", -1.0)
    monkeypatch.setattr(consistency, "_in_worker", lambda model, file: iter([consistency._as_file(model, file)]))
    ran = auricle("doctor", states_file, clip, "--json")
    found = json.loads(ran.out)["parity"]
    assert (ran.code, found["agrees"], found["ways"][0]["agrees"]) == (1, False, False)
    assert auricle("doctor", states_file, clip).out.endswith("The routes do NOT agree: please report this.\n")


def test_an_unreachable_server_does_not_agree(
    auricle, states_file: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(command.KEY_VARIABLE, "aud_x")
    ran = auricle("doctor", states_file, clip, "--server", "http://127.0.0.1:1")
    assert ran.code == 1
    assert "server  http://127.0.0.1:1 does not respond" in ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["m.auricle"], "A model and a recording must be named together, or neither."),
        (["--server", "http://x"], "`--server` must be given with a model and a recording to compare."),
    ],
)
def test_bad_options(arguments: list[str], says: str, auricle) -> None:
    ran = auricle("doctor", *arguments)
    assert (ran.code, ran.out, ran.sentence) == (2, "", says)
