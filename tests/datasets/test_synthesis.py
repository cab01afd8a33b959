import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import hilbert, welch

from auricle.audio.clip import Samples
from auricle.datasets.dataset import Dataset
from auricle.datasets.synthesis import BALL_PASS, KINDS, TEETH, Kind, Machine, Microphone, machine_sound, machines
from auricle.errors import OutputError, UsageError

RATE_HZ = 16_000
RPM = 2400.0


@pytest.fixture
def fleet() -> list[tuple[Machine, Microphone]]:
    rng = np.random.default_rng(1)
    return [(Machine.draw("m", rng), Microphone.draw("x", rng)) for _ in range(8)]


def sounds(kind: Kind, fleet: list[tuple[Machine, Microphone]], rpm: float = RPM) -> list[Samples]:
    rng = np.random.default_rng(2)
    return [machine_sound(kind, rpm, *pair, rng) for pair in fleet]


def share(samples: Samples, low_hz: float, high_hz: float) -> float:
    hz, power = welch(samples, RATE_HZ, nperseg=4096)
    return float(power[(hz >= low_hz) & (hz <= high_hz)].sum() / power.sum())


def line(samples: Samples, hz: float) -> float:
    """How far a line of the spectrum of the envelope above 2 kHz stands out of what is beside it."""
    spectrum = np.fft.rfft(samples)
    spectrum[: 2000 * samples.size // RATE_HZ] = 0
    envelope = np.abs(hilbert(np.fft.irfft(spectrum)))
    power = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(envelope.size))) ** 2
    at = round(hz * samples.size / RATE_HZ)
    return float(power[at - 3 : at + 4].max() / np.median(power[at - 30 : at + 31]))


@pytest.mark.parametrize("kind", KINDS)
def test_sound_has_the_requested_length_and_level(kind: Kind, fleet: list[tuple[Machine, Microphone]]) -> None:
    for samples in sounds(kind, fleet):
        assert samples.dtype == np.float32
        assert samples.shape == (2 * RATE_HZ,)
        assert 0.003 < np.abs(samples).max() < 1


def test_gear_mesh_tone_is_at_teeth_times_shaft_speed(fleet: list[tuple[Machine, Microphone]]) -> None:
    mesh_hz = TEETH * RPM / 60
    for samples in sounds("healthy", fleet):
        beside = share(samples, mesh_hz + 60, mesh_hz + 80) + share(samples, mesh_hz - 80, mesh_hz - 60)
        assert share(samples, mesh_hz - 20, mesh_hz + 20) > 2 * beside


def test_each_fault_has_its_acoustic_signature(fleet: list[tuple[Machine, Microphone]]) -> None:
    def typical(kind: Kind, measure: object) -> float:
        return float(np.median([measure(samples) for samples in sounds(kind, fleet)]))

    def ball_pass(samples: Samples) -> float:
        return line(samples, BALL_PASS * RPM / 60)

    def first_order(samples: Samples) -> float:
        return share(samples, RPM / 60 - 6, RPM / 60 + 6)

    def above(samples: Samples) -> float:
        return share(samples, 3000, 8000)

    assert typical("worn_bearing", ball_pass) > 3 * typical("healthy", ball_pass)
    assert typical("imbalance", first_order) > 3 * typical("healthy", first_order)
    assert typical("cavitation", above) > 3 * typical("healthy", above)


def test_faster_is_louder(fleet: list[tuple[Machine, Microphone]]) -> None:
    slow, fast = (np.mean([s.std() for s in sounds("healthy", fleet, rpm)]) for rpm in (1000.0, 3500.0))
    assert fast > 1.5 * slow


def test_dataset_reads_back_as_classes_and_as_numbers(tmp_path: Path) -> None:
    table = machines(tmp_path / "pumps", n=16, seed=3, rate_hz=8000, duration_s=0.25, n_machines=2)
    states = Dataset.load(table, group="machine")
    assert states.classes == tuple(sorted(KINDS))
    assert {tuple(sorted(states.groups[states.labels == kind])) for kind in KINDS} == {
        ("machine_1", "machine_1", "machine_2", "machine_2")
    }
    speeds = Dataset.load(table.parent, target="rpm")
    assert speeds.task == "regress"
    assert speeds.targets.min() >= 900
    assert speeds.targets.max() <= 3600


def test_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    def digest(name: str, seed: int) -> str:
        table = machines(tmp_path / name, n=4, seed=seed, duration_s=0.1)
        parts = [table.read_bytes(), *(path.read_bytes() for path in sorted((table.parent / "clips").iterdir()))]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    assert digest("a", 0) == digest("b", 0) != digest("c", 1)


def test_bad_counts_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`n_machines` must be at least 1. Got 0"):
        machines(tmp_path, n_machines=0)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"the folder cannot be made"):
        machines(tmp_path / "file")
    (tmp_path / "taken/clips/0001.wav").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"0001.wav: cannot be written"):
        machines(tmp_path / "taken", n=1)
    assert not (tmp_path / "taken/metadata.csv").exists()


def test_idle_part_holds_only_room_and_microphone_noise(tmp_path: Path) -> None:
    running = machines(tmp_path / "running", n=4, rate_hz=8000, duration_s=1.0)
    resting = machines(tmp_path / "resting", n=4, rate_hz=8000, duration_s=1.0, idle=0.4)
    for name in ("clips/0001.wav", "clips/0004.wav"):
        levels = [
            np.sort([np.std(block) for block in np.split(soundfile.read(table.parent / name)[0], 50)])
            for table in (running, resting)
        ]
        assert levels[1][2] < 0.5 * levels[0][2]
        assert levels[1][-2] > 0.3 * levels[0][-2]


@pytest.mark.parametrize("idle", [-0.1, 1.0])
def test_machines_that_never_run_are_refused(tmp_path: Path, idle: float) -> None:
    with pytest.raises(UsageError, match="`idle` must lie between 0 and 1"):
        machines(tmp_path, idle=idle)
