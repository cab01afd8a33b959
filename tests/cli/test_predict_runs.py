"""``auricle predict`` as a process: kills, full disks, closed pipes, dead workers, and label tracks."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset
from auricle.prediction.bulk import batch, output
from auricle.prediction.predictor import Predictor

COMMAND = [sys.executable, "-m", "auricle", "predict"]


@pytest.fixture
def clips(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips"


@pytest.fixture
def many(clips: Path, tmp_path: Path) -> Path:
    """A folder of 96 names for the clips, two of which are no sound."""
    folder = tmp_path / "many"
    folder.mkdir()
    sources = sorted(clips.iterdir())
    for index in range(96):
        (folder / f"{index:03}.wav").symlink_to(sources[index % len(sources)])
    for name in ("060b.wav", "080b.wav"):
        (folder / name).write_text("no sound")
    return folder


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs in this process start no worker processes, however many files there are."""
    monkeypatch.setattr(batch, "FEW_FILES", 1000)


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


@pytest.mark.usefixtures("in_threads")
def test_a_killed_run_resumes_to_the_same_output(auricle, states_file: Path, many: Path, out: Path) -> None:
    arguments = [states_file, many, "--windows", "--hop-s", "0.03"]
    assert auricle("predict", *arguments, "-o", out / "whole.jsonl").code == 1
    part, journal, target = out / "x.jsonl.part", out / "x.jsonl.journal", out / "x.jsonl"

    def is_begun(before: int) -> bool:
        return part.exists() and part.stat().st_size > before

    def is_kept(_: int) -> bool:  # not before: of what the journal does not tell of, nothing counts
        return journal.exists() and b'"files"' in journal.read_bytes()

    for is_time, later_s, workers in ((is_begun, 0.0, "2"), (is_kept, 0.1, "1")):
        before = part.stat().st_size if part.exists() else 0
        with subprocess.Popen(
            [*COMMAND, *map(str, arguments), "-o", target, "--workers", workers, *(["--resume"] if before else [])],
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as run:
            while run.poll() is None and not is_time(before):
                time.sleep(0.005)
            time.sleep(later_s)
            os.killpg(run.pid, signal.SIGKILL)  # the workers too
    ran = auricle("predict", *arguments, "-o", target, "--resume", "--json")
    assert ran.code == 1
    assert 0 < json.loads(ran.out)["n_resumed"] < 98
    assert target.read_bytes() == (out / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == ["whole.jsonl", "x.jsonl"]


def test_the_summary_counts_resumed_files(auricle, states_file: Path, clips: Path, out: Path) -> None:
    (out / "x.jsonl.journal").touch()  # killed before its first line
    ran = auricle("predict", states_file, clips, out / "no.wav", "-o", out / "x.jsonl", "--resume", "--json")
    report = json.loads(ran.out)
    assert ran.code == 1
    assert (report["n_files"], report["n_resumed"], report["n_failed"]) == (25, 0, 1)
    assert report["sound_s"] == pytest.approx(12.0)
    assert report.keys() >= {"files_per_s", "x_real_time", "seconds", "model", "output"}


def small_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


def test_a_full_disk_stops_the_run_which_resumes_with_the_same_settings(
    auricle, states_file: Path, trained_on_speeds, clips: Path, out: Path, tmp_path: Path
) -> None:
    ran = command(states_file, clips, "-o", out / "x.jsonl", "--workers", "1", preexec_fn=small_disk)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{out}/x.jsonl: cannot be written: File too large. The rows of " in ran.stderr
    assert ran.stderr.endswith("Make room and give the same command with --resume.\n")
    assert sorted(path.name for path in out.iterdir()) == ["x.jsonl.journal", "x.jsonl.part"]
    stopped = {path.name: path.read_bytes() for path in out.iterdir()}
    for change, says in (
        (["--windows"], "Windows was False, and is True"),
        (["--format", "csv"], "Format was 'jsonl', and is 'csv'"),
        (["--hop-s", "0.1"], "Hop_s was None, and is 0.1"),
        (["--events"], "Events was None, and is {"),
    ):
        ran = auricle("predict", states_file, clips, "-o", out / "x.jsonl", "--resume", *change)
        assert (ran.code, ran.out) == (2, "")
        assert says in ran.sentence
    trained_on_speeds.bundle.save(tmp_path / "rpm.auricle")
    ran = auricle("predict", tmp_path / "rpm.auricle", clips, "-o", out / "x.jsonl", "--resume")
    assert ran.code == 2
    assert "Model was 'states@" in ran.sentence
    ran = auricle("predict", states_file, clips, "-o", out / "x.jsonl")
    assert ran.sentence.startswith(f"{out}/x.jsonl: a stopped run left its rows in")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == stopped
    assert auricle("predict", states_file, clips, "-o", out / "x.jsonl", "--resume").code == 0
    assert (out / "x.jsonl").read_text() == auricle("predict", states_file, clips).out
    assert [path.name for path in out.iterdir()] == ["x.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout(states_file: Path, clips: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([*COMMAND, states_file, clips], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (2, "auricle: stdout: cannot be written: No space left on device.\n")


def test_a_closed_pipe_ends_the_command_quietly(states_file: Path, many: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, states_file, many, "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert json.loads(run.stdout.readline())["level"] == "recording"
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait(timeout=60) == 0


@pytest.mark.usefixtures("in_threads")
def test_a_killed_worker_costs_nothing(auricle, states_file: Path, many: Path, out: Path) -> None:
    arguments = [states_file, many, "--windows", "--hop-s", "0.05"]
    with subprocess.Popen(
        [*COMMAND, *arguments, "-o", out / "x.jsonl", "--workers", "1"], stderr=subprocess.PIPE
    ) as run:
        killed = None
        while killed is None and run.poll() is None:
            part = out / "x.jsonl.part"
            if part.exists() and part.stat().st_size:
                killed = next(iter(children(run.pid)), None)
                if killed is not None:
                    os.kill(killed, signal.SIGKILL)
            time.sleep(0.01)
        assert run.stderr is not None
        assert run.stderr.read() == b"2 of 98 files failed; each has a line with its error.\n"
        assert run.wait(timeout=60) == 1
    auricle("predict", *arguments, "-o", out / "whole.jsonl")
    assert (out / "x.jsonl").read_text() == (out / "whole.jsonl").read_text()


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def test_ctrl_c_keeps_finished_rows(states_file: Path, many: Path, out: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, states_file, many, "-o", out / "x.jsonl", "--windows", "--hop-s", "0.02", "--workers", "1"],
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as run:
        journal = out / "x.jsonl.journal"  # of what is not committed yet, nothing is promised
        while run.poll() is None and not (journal.exists() and b'"files"' in journal.read_bytes()):
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all
        run.wait(timeout=60)
    if run.returncode != 1:  # it was not quicker than the signal
        assert sorted(path.name for path in out.iterdir()) == ["x.jsonl.journal", "x.jsonl.part"]


def test_awkward_names_and_links(auricle, states_file: Path, clips: Path, tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"new\nline.wav", b"caf\xe9.wav", b'"quo,ted".wav', b"-o.wav"):
        shutil.copy(clips / "0001.wav", os.path.join(os.fsencode(folder), name))  # noqa: PTH118  (bytes have no Path)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.wav").symlink_to(folder / "self.wav")
    for workers in ([], ["--workers", "2"]):
        ran = auricle("predict", states_file, folder, *workers, "-o", out / f"x{len(workers)}.jsonl")
        assert ran.code == 1
    assert (out / "x0.jsonl").read_bytes() == (out / "x2.jsonl").read_bytes()
    rows = [json.loads(line) for line in (out / "x0.jsonl").read_text().splitlines()]
    assert {os.fsencode(Path(row["file"]).name) for row in rows} == {os.fsencode(f.name) for f in folder.glob("*.wav")}
    (failed,) = [row for row in rows if "error" in row]
    assert failed["error"]["kind"] == "audio"
    assert "Too many levels of symbolic links" in failed["error"]["message"]


def test_a_file_removed_between_listing_and_reading(
    auricle, states_file: Path, clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auricle.prediction.bulk import inputs

    listed = inputs.expand([clips]).files
    monkeypatch.setattr(inputs, "expand", lambda _: inputs.Inputs([*listed[:2], out / "gone.wav"], ()))
    ran = auricle("predict", states_file, clips)
    assert ran.code == 1
    assert json.loads(ran.out.splitlines()[2])["error"]["message"] == f"{out}/gone.wav: there is no such file."


@pytest.mark.parametrize(("form", "suffix"), [("audacity", ".txt"), ("raven", ".Table.1.selections.txt")])
@pytest.mark.parametrize("level", [[], ["--windows"], ["--events", "--on", "0.4"]])
def test_label_tracks_beside_recordings_are_a_data_set(
    form: str, suffix: str, level: list[str], auricle, states_file: Path, clips: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "sounds"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(clips / "0001.wav", folder / "a.wav")
    shutil.copy(clips / "0002.wav", folder / "deep" / "b.wav")
    (tmp_path / "broken.wav").write_text("no sound")
    ran = auricle("predict", states_file, folder, "--format", form, *level, "-o", folder)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"*{suffix}")) == [
        f"a{suffix}",
        f"deep/b{suffix}",
    ]
    rows = [json.loads(line) for line in auricle("predict", states_file, folder, *level).out.splitlines()]
    wanted = "event" if "--events" in level else "window" if level else "recording"
    expected = [
        (row["file"], round(row["start_s"], 6), round(row["end_s"], 6), row["label"])
        for row in rows
        if row["level"] == wanted
    ]
    assert expected
    if len({label for *_, label in expected}) > 1:  # a data set has two classes
        data = Dataset.load(folder, label="label")
        assert [(str(e.file), e.start_s, e.end_s, e.label) for e in data.examples] == expected
    again = auricle("predict", states_file, folder, "--format", form, *level, "-o", folder)
    assert again.sentence == (
        f"{folder}/a{suffix}: the file exists, and may hold labels made by hand. Move it away, or write elsewhere."
    )


def test_a_label_track_of_one_recording(auricle, states_file: Path, clips: Path, out: Path) -> None:
    ran = auricle("predict", states_file, clips / "0001.wav", "--format", "audacity", "--windows", "-o", out / "a.txt")
    assert ran.code == 0
    assert [line.split("\t")[:2] for line in (out / "a.txt").read_text().splitlines()] == [
        ["0.000000", "0.200000"],
        ["0.200000", "0.400000"],
        ["0.300000", "0.500000"],
    ]
    printed = auricle("predict", states_file, clips / "0001.wav", "--format", "audacity", "--windows")
    assert printed.out == (out / "a.txt").read_text()


def test_a_failed_recording_has_no_track(auricle, states_file: Path, clips: Path, out: Path) -> None:
    ran = auricle("predict", states_file, clips / "0001.wav", clips / "no.wav", "--format", "raven", "-o", out)
    assert ran.code == 1
    assert ran.err.splitlines() == [
        f"audio: {clips}/no.wav: there is no such file.",
        "1 of 2 files failed; each has none.",
    ]
    assert [path.name for path in out.iterdir()] == ["0001.Table.1.selections.txt"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--resume"], "`--resume` must be given with -o"),
        (["--format", "raven", "--windows", "--events"], "A file of format raven holds one level."),
        (["--format", "raven", "--resume", "-o", "x"], "`--resume` must be given with jsonl or csv."),
        (["--format", "raven"], "Format raven is one file per recording. Name a folder with -o for 24 recordings."),
        (["--format", "raven", "-o", "x"], "x: for 24 recordings it must be an existing folder."),
        (["--smooth", "3"], "Event options must be given with `--events`"),
        (["--events", "--only", "bark"], "`only` must name classes of the model ("),
    ],
)
def test_contradictory_options_are_refused(
    options: list[str], says: str, auricle, states_file: Path, clips: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(out)
    ran = auricle("predict", states_file, clips, *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.sentence.startswith(says)
    assert list(out.iterdir()) == []


def test_two_recordings_of_one_output_file(auricle, states_file: Path, clips: Path, tmp_path: Path, out: Path) -> None:
    for name in ("a.wav", "a.WAV"):
        shutil.copy(clips / "0001.wav", tmp_path / name)
    ran = auricle("predict", states_file, tmp_path / "a.wav", tmp_path / "a.WAV", "--format", "audacity", "-o", out)
    assert ran.sentence == f"{out}/a.txt: 2 recordings would share one output file. Give them different names."


@pytest.fixture
def long_file(tmp_path: Path) -> Callable[[float], Path]:
    def make(seconds: float) -> Path:
        rng = np.random.default_rng(0)
        path = tmp_path / f"{seconds:g}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(round(seconds / 10)):
                file.write(0.1 * rng.standard_normal(80_000))
        return path

    return make


def test_windows_of_a_long_file_are_buffered_on_disk(
    auricle,
    states_file: Path,
    states: Predictor,
    long_file: Callable[[float], Path],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "_MAX_MEMORY_BYTES", 10_000)
    file = long_file(60)
    assert auricle("predict", states_file, file, "--windows", "--events", "-o", out / "x.jsonl").code == 0
    first, *rest = (json.loads(line) for line in (out / "x.jsonl").read_text().splitlines())
    assert first == {"file": str(file), **states.predict(file).as_json()}
    assert (out / "x.jsonl").stat().st_size > 100_000
    got = [row for row in rest if row["level"] == "window"]
    assert got == [{"file": str(file), **window.as_json()} for window in states.windows(file)]
    got = [row for row in rest if row["level"] == "event"]
    assert got == [{"file": str(file), **event.as_json()} for event in states.events(file)]
