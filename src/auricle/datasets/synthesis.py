"""Synthesize recordings of pumps in four states (healthy and three faults), as a dataset for demo and tests."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import fft

from auricle.audio.clip import Samples
from auricle.errors import OutputError, UsageError
from auricle.runtime.files import write_bytes

__all__ = ["KINDS", "Kind", "Machine", "Microphone", "machine_sound", "machines"]

Kind: TypeAlias = Literal["healthy", "worn_bearing", "imbalance", "cavitation"]
KINDS: tuple[Kind, ...] = get_args(Kind)

RPM_RANGE = (900.0, 3600.0)
VANES = 7
"""Vanes of the impeller; each passes the outlet once per turn."""
TEETH = 23
"""Teeth of the gear: the mesh tone is at this multiple of the shaft speed."""
BALL_PASS = 3.58
"""Balls that pass a defect of the outer race per turn: the usual ratio of a bearing with nine balls."""

COASTING_S = 0.05
"""Time constant of a machine that is switched off, in seconds."""

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """One pump of the fleet: the same design, its own casting, mounting and wear.

    Parameters
    ----------
    name : str
    orders : float64, shape (8,)
        Amplitudes of the shaft harmonics, 1 to 8 times its speed.
    vane, mesh : float
        Amplitudes of the vane-pass and gear-mesh tones.
    flow : float
        Amplitude of the turbulence.
    modes_hz, mode_gains : float64, shape (3,)
        Resonances of the casing.
    bearing_hz, bearing_decay_s : float
        Resonance that a damaged bearing excites, and its decay.
    """

    name: str
    orders: Floats
    vane: float
    mesh: float
    flow: float
    modes_hz: Floats
    mode_gains: Floats
    bearing_hz: float
    bearing_decay_s: float

    @classmethod
    def draw(cls, name: str, rng: np.random.Generator) -> "Machine":
        """Draw the parameters of a machine."""
        return cls(
            name=name,
            orders=rng.lognormal(-0.4, 0.4, 8) / np.arange(1, 9) ** 0.8,
            vane=rng.lognormal(-0.7, 0.3),
            mesh=rng.lognormal(-1.2, 0.3),
            flow=rng.lognormal(-0.9, 0.25),
            modes_hz=rng.uniform((250, 900, 2000), (700, 1800, 3500)),
            mode_gains=rng.uniform(1, 5, 3),
            bearing_hz=rng.uniform(2500, 5500),
            bearing_decay_s=rng.uniform(0.0008, 0.002),
        )


@dataclass(frozen=True, slots=True)
class Microphone:
    """One microphone at its position.

    Parameters
    ----------
    name : str
    gain_db : float
    low_hz, high_hz : float
        Cutoff frequencies (-3 dB).
    tilt_db : float
        Spectral tilt per octave, about 1 kHz.
    noise_db : float
        Self-noise relative to full scale.
    """

    name: str
    gain_db: float
    low_hz: float
    high_hz: float
    tilt_db: float
    noise_db: float

    @classmethod
    def draw(cls, name: str, rng: np.random.Generator) -> "Microphone":
        """Draw the parameters of a microphone."""
        return cls(
            name=name,
            gain_db=rng.uniform(-8, 4),
            low_hz=rng.uniform(20, 60),
            high_hz=rng.uniform(5000, 9000),
            tilt_db=rng.uniform(-1.5, 1.5),
            noise_db=rng.uniform(-62, -50),
        )


def machine_sound(
    kind: Kind,
    rpm: float,
    machine: Machine,
    microphone: Microphone,
    rng: np.random.Generator,
    *,
    rate_hz: int = 16_000,
    duration_s: float = 2.0,
    idle: float = 0.0,
) -> Samples:
    """Synthesize one machine in one state, recorded by one microphone.

    Every machine has shaft harmonics, vane-pass and gear-mesh tones, and turbulence that grows with speed, all
    filtered by the resonances of its casing. A worn bearing adds slightly irregular impacts at the ball-pass
    frequency that excite a high resonance; imbalance a strong first order that modulates everything else; cavitation
    bursts of collapsing bubbles as each vane passes. The severity of a fault is random, and may be slight.

    Parameters
    ----------
    kind : str
        State of the machine.
    rpm : float
        Speed of the shaft in turns per minute.
    machine : Machine
    microphone : Microphone
    rng : numpy Generator
    rate_hz : int
    duration_s : float
    idle : float
        Fraction of the time, at a random position, in which the machine stands still.

    Returns
    -------
    float32, shape (round(duration_s * rate_hz),), in (-1, 1)

    Source: R. B. Randall, Vibration-based Condition Monitoring (2011), for what each fault adds.
    """
    n = round(duration_s * rate_hz)
    severity = rng.uniform(0.35, 1.0)
    wander = np.interp(np.arange(n), np.linspace(0, n, 9), rng.normal(0, 0.002, 9))
    turns = np.cumsum(rpm / 60 * (1 + wander)) / rate_hz
    load = (rpm / 1800) ** 1.5
    sway = np.sin(2 * np.pi * (turns + rng.uniform()))
    orders = machine.orders * rng.lognormal(0, 0.2, machine.orders.size)
    depth = 0.08
    if kind == "imbalance":
        orders[0] += 5 * severity * (rpm / 1800) ** 2
        orders[1] += 1.5 * severity
        depth += 0.5 * severity
    tones = _tones(turns, orders, machine, rng)
    flow = machine.flow * load * rng.standard_normal(n)
    body = (tones * load**0.5 + flow) * (1 + depth * sway)
    if kind == "cavitation":
        body += 1.5 * severity * load * _bubbles(turns, rate_hz, rng)
    sound = _through_casing(body, machine, rate_hz)
    if kind == "worn_bearing":
        sound += 6 * severity * load**0.5 * _impacts(turns, machine, rate_hz, rng)
    if idle:
        sound *= _running(n, idle, rate_hz, rng)
    return _through_microphone(0.015 * sound, microphone, rate_hz, rng)


def machines(
    folder: str | Path,
    *,
    n: int = 200,
    seed: int = 0,
    rate_hz: int = 16_000,
    duration_s: float = 2.0,
    n_machines: int = 8,
    n_microphones: int = 3,
    idle: float = 0.0,
) -> Path:
    """Write a dataset of machine sounds: 16-bit WAV files, then their table.

    States alternate; machine, microphone and speed are random. Each seed has machines of its own.

    Parameters
    ----------
    folder : str or Path
    n : int
        Number of recordings.
    seed : int
    rate_hz : int
    duration_s : float
        Duration of each recording.
    n_machines, n_microphones : int
    idle : float
        Fraction of each recording in which the machine stands still.

    Returns
    -------
    Path
        ``metadata.csv``, with the columns file_name, label, rpm, machine and microphone.

    Raises
    ------
    OutputError
        The folder cannot be written.
    UsageError
        A count below 1, or machines that never run.
    """
    if not 0 <= idle < 1:
        raise UsageError(f"`idle` must lie between 0 and 1. Got {idle:g}.")
    for name, count in (("n", n), ("n_machines", n_machines), ("n_microphones", n_microphones)):
        if count < 1:
            raise UsageError(f"`{name}` must be at least 1. Got {count}.")
    rng = np.random.default_rng(seed)
    fleet = [Machine.draw(f"machine_{i + 1}", rng) for i in range(n_machines)]
    microphones = [Microphone.draw(f"microphone_{i + 1}", rng) for i in range(n_microphones)]
    folder = Path(folder)
    try:
        (folder / "clips").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made: {error.strerror}. Choose another.") from error
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file_name", "label", "rpm", "machine", "microphone"])
    for i in range(n):
        kind = KINDS[i % len(KINDS)]
        machine, microphone = fleet[i // len(KINDS) % n_machines], microphones[rng.integers(n_microphones)]
        rpm = round(rng.uniform(*RPM_RANGE))
        sound = machine_sound(kind, rpm, machine, microphone, rng, rate_hz=rate_hz, duration_s=duration_s, idle=idle)
        name = f"clips/{i + 1:04d}.wav"
        _write_wav(folder / name, sound, rate_hz)
        writer.writerow([name, kind, rpm, machine.name, microphone.name])
    write_bytes(folder / "metadata.csv", table.getvalue().encode())
    return folder / "metadata.csv"


def _tones(turns: Floats, orders: Floats, machine: Machine, rng: np.random.Generator) -> Floats:
    """Sum the tones at multiples of the shaft speed."""
    multiples = [*range(1, orders.size + 1), VANES, 2 * VANES, TEETH, 2 * TEETH]
    heights = [*orders, machine.vane, 0.4 * machine.vane, machine.mesh, 0.3 * machine.mesh]
    phase = (2 * np.pi * (turns % 1)).astype(np.float32)  # without whole turns, 32 bits are exact enough, and fast
    tones = np.zeros(turns.size)
    for multiple, height in zip(multiples, heights, strict=True):
        tones += height * np.sin(np.float32(multiple) * phase + np.float32(rng.uniform(0, 2 * np.pi)))
    return tones


def _bubbles(turns: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Bubbles that collapse at random moments, mostly as a vane passes: clicks with a rising spectrum."""
    n = turns.size
    passing = 0.5 + 0.5 * np.cos(2 * np.pi * VANES * turns)
    clicks = np.where(rng.random(n) < 900 * passing / rate_hz, rng.exponential(3.0, n), 0.0) * rng.choice([-1, 1], n)
    hiss = 0.5 * passing * np.diff(rng.standard_normal(n), prepend=0.0)
    bubbles: Floats = np.diff(clicks, prepend=0.0) + hiss
    return bubbles


def _impacts(turns: Floats, machine: Machine, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Balls that pass a defect: nearly regular impacts, stronger under load, that excite the bearing's resonance."""
    passes = np.arange(0, turns[-1] * BALL_PASS) + rng.normal(0, 0.02, int(np.ceil(turns[-1] * BALL_PASS)))
    indices = np.clip(np.searchsorted(turns, passes / BALL_PASS), 0, turns.size - 1)
    heights = (1 + 0.4 * np.sin(2 * np.pi * turns[indices])) * rng.lognormal(0, 0.25, indices.size)
    hits = np.bincount(indices, heights, minlength=turns.size).astype(np.float64)
    time_s = np.arange(turns.size) / rate_hz
    ring = np.exp(-time_s / machine.bearing_decay_s) * np.sin(2 * np.pi * machine.bearing_hz * time_s)
    return _filtered(hits, fft.rfft(ring))


def _running(n: int, idle: float, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Return a gain of 1 while the machine runs and 0 while it stands: it starts at once and coasts down."""
    n_idle = round(idle * n)
    begin = rng.integers(n - n_idle + 1)
    running = np.ones(n)
    running[begin : begin + n_idle] = np.exp(-np.arange(n_idle) / (COASTING_S * rate_hz))
    return running


def _through_casing(body: Floats, machine: Machine, rate_hz: int) -> Floats:
    """Filter by the casing's resonances, each about a tenth of an octave wide."""
    hz = fft.rfftfreq(body.size, 1 / rate_hz)
    response = np.ones(hz.size)
    for mode_hz, gain in zip(machine.modes_hz, machine.mode_gains, strict=True):
        response += gain * np.exp(-0.5 * ((hz - mode_hz) / (0.08 * mode_hz)) ** 2)
    return _filtered(body, response / (1 + (hz / 2500) ** 2) ** 0.5)


def _through_microphone(sound: Floats, microphone: Microphone, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Add room noise, filter and amplify, add self-noise, and limit."""
    n = sound.size
    hz = fft.rfftfreq(n, 1 / rate_hz)
    room = _filtered(rng.standard_normal(n), 1 / np.sqrt(np.maximum(hz, 20.0)))
    sound = sound + 10 ** (rng.uniform(-46, -38) / 20) * room / room.std()
    response = 1 / np.sqrt((1 + (microphone.low_hz / np.maximum(hz, 1e-3)) ** 4) * (1 + (hz / microphone.high_hz) ** 4))
    tilt = (np.maximum(hz, 20.0) / 1000) ** (microphone.tilt_db / (20 * np.log10(2)))
    recorded = 10 ** (microphone.gain_db / 20) * _filtered(sound, response * tilt)
    recorded += 10 ** (microphone.noise_db / 20) * rng.standard_normal(n)
    limited: Samples = np.clip(recorded, -0.999, 0.999).astype(np.float32)
    return limited


def _filtered(sound: Floats, response: NDArray[np.float64] | NDArray[np.complex128]) -> Floats:
    # Circular: synthesized sound has no beginning.
    filtered: Floats = fft.irfft(fft.rfft(sound) * response, sound.size)
    return filtered


def _write_wav(path: Path, samples: Samples, rate_hz: int) -> None:
    # Not atomic: the table is written last, and without it there is no dataset.
    try:
        with path.open("wb") as file:
            soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}.") from error
