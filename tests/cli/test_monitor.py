"""``auricle monitor``: verdict, causes and exit codes on files and on a server's log."""

import json
from pathlib import Path

import pytest
import soundfile

from auricle.datasets.synthesis import machines

pytest.importorskip("river")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty recordings like those of training."""
    folder = tmp_path_factory.mktemp("live")
    return machines(folder, n=60, seed=5, rate_hz=8000, duration_s=0.5, n_machines=3, n_microphones=2)


@pytest.fixture(scope="module")
def quiet(live: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, 30 dB quieter."""
    folder = tmp_path_factory.mktemp("quiet")
    (folder / "clips").mkdir()
    for file in sorted((live.parent / "clips").iterdir()):
        samples, rate_hz = soundfile.read(file)
        soundfile.write(folder / "clips" / file.name, samples * 0.03, rate_hz, subtype="FLOAT")
    (folder / "metadata.csv").write_text(live.read_text())
    return folder / "metadata.csv"


def test_a_fault_is_an_alarm_with_its_cause(auricle, states_file: Path, quiet: Path, out: Path) -> None:
    ran = auricle("monitor", states_file, quiet, "--json", "--by", "microphone", "--report", out / "r.html")
    assert ran.code == 4
    found = json.loads(ran.out, parse_constant=pytest.fail)
    assert found["verdict"] == "alarm"
    (check,) = found["checks"]
    assert check["causes"][0]["kind"] == "level"
    assert check["recordings"] == 60
    assert "Level fell by" in (out / "r.html").read_text(encoding="utf-8")


def test_the_verdict_is_printed_first(auricle, states_file: Path, quiet: Path) -> None:
    ran = auricle("monitor", states_file, quiet, "--by", "microphone")
    assert ran.code == 4
    assert ran.out.startswith("alarm: Level fell by ")
    assert "Largest shifts" in ran.out
    assert "1. Set the gain back" in ran.out


def test_few_recordings_are_not_enough_and_training_recordings_are_counted(
    auricle, states_file: Path, machine_sounds: Path
) -> None:
    ran = auricle("monitor", states_file, machine_sounds)
    assert ran.code == 0
    assert ran.out.startswith("watch: Not enough yet: 24 of 50 recordings.")
    assert "24 of 24 recordings were in the training set" in ran.out


def test_recordings_without_labels_are_checked(auricle, states_file: Path, live: Path) -> None:
    ran = auricle("monitor", states_file, live.parent / "clips", "--json")
    assert ran.code in (0, 4)
    (check,) = json.loads(ran.out)["checks"]
    assert check["measured"] is None


@pytest.fixture
def log(states, live: Path, tmp_path: Path) -> Path:
    """A store with sixty logged recordings."""
    from auricle.audio.decode import read
    from auricle.prediction.log_entries import build_entry
    from auricle.prediction.stream import Stream
    from auricle.store.store import Store

    entries = []
    for number, file in enumerate(sorted((live.parent / "clips").iterdir())):
        clip = read(file)
        stream = Stream(states.loaded, rate_hz=clip.rate_hz, source=file.name)
        stream.feed(clip.samples)
        entries.append(build_entry(stream, stream.finish(), group=f"{number}", metadata={"site": "north"}))
    with Store.open(str(tmp_path / "log.db")) as store:
        store.add(entries)
    return tmp_path / "log.db"


def test_the_log_of_a_server_is_checked(auricle, states_file: Path, log: Path) -> None:
    ran = auricle("monitor", states_file, "--store", log, "--since", "1h", "--by", "site", "--json")
    assert ran.code in (0, 4)
    (check,) = json.loads(ran.out)["checks"]
    assert check["recordings"] == 60
    assert {place["value"] for place in check["drift"]["places"]} <= {"north"}


def test_a_model_missing_from_the_registry_is_named(auricle, states, log: Path) -> None:
    ran = auricle("monitor", "--store", log)
    assert ran.code == 2
    assert states.name in ran.err


def test_an_empty_store_is_not_enough(auricle, tmp_path: Path) -> None:
    from auricle.store.store import Store

    Store.open(str(tmp_path / "a.db")).close()
    ran = auricle("monitor", "--store", tmp_path / "a.db", "--since", "7d")
    assert (ran.code, ran.out) == (0, "Not enough yet: 0 recordings were logged in this time.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name either a model and recordings, or `--store`."),
        (["MODEL"], "Name either a model and recordings, or `--store`."),
        (["MODEL", "DATA", "--store", "x.db"], "Name either a model and recordings, or `--store`."),
        (["MODEL", "DATA", "--by", "moon"], "`by` must name a column of the recordings' metadata. There is no 'moon'"),
        (["MODEL", "DATA", "--rate", "2"], "The rate of false alarms must lie between 0 and 1. Got 2."),
        (["MODEL", "nowhere"], "nowhere"),
        (["--store", "x.db", "--group", "site"], "`--label`, `--group` and `--root` must be given with a table"),
        (["--store", "x.db", "--since", "later"], "A duration must be none, or a number above 0"),
    ],
)
def test_bad_usage_is_one_sentence(auricle, states_file: Path, live: Path, arguments, sentence: str) -> None:
    names = {"MODEL": states_file, "DATA": live}
    ran = auricle("monitor", *(names.get(argument, argument) for argument in arguments))
    assert ran.code in (1, 2)
    assert sentence in ran.err
