"""What happened to the sound, from its measures alone: which of the known faults fits what moved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from auricle.monitoring.drift.feature_drift import FeatureDrift

__all__ = ["FAULT_RULES", "Fault", "Kind", "Shift", "match_faults"]

Kind: TypeAlias = Literal[
    "sample_rate",
    "codec",
    "bandwidth",
    "dropouts",
    "hum",
    "dc",
    "level",
    "clipping",
    "reverberation",
    "noise",
    "silence",
    "missing_class",
    "new_class",
    "classes",
    "other",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that fits.

    Parameters
    ----------
    kind : which
    what : how the sentence begins: what changed, and by how much
    measure : the measure that tells it best, and along which it is looked for in time and place; "" where none does
    shift : by how much that measure moved, in its own unit
    """

    kind: Kind
    what: str
    measure: str = ""
    shift: float = 0.0


class Shift:
    """The measures of two sets of recordings, of which those that did not move significantly did not move at all.

    Parameters
    ----------
    columns : of the sound's quality, by name
    rate : false discovery rate
    lower_rate : share of recordings whose sample rate is below the model's
    rate_hz : the commonest rate of those, and the model's
    """

    def __init__(
        self,
        columns: Mapping[str, FeatureDrift],
        *,
        rate: float,
        lower_rate: float = 0.0,
        rate_hz: tuple[int, int] = (0, 0),
    ) -> None:
        self._columns, self._rate = columns, rate
        self.lower_rate, self.rate_hz = lower_rate, rate_hz

    def by(self, name: str) -> float:
        """Return by how much a measure's median moved; 0 where that is not significant or too little to act on."""
        column = self._columns[name]
        return column.after - column.before if column.drifted(self._rate) else 0.0

    def plain(self, name: str) -> float:
        """Return by how much a measure's median moved, significantly or not."""
        return self._columns[name].after - self._columns[name].before

    def after(self, name: str) -> float:
        """Return a measure's median now."""
        return self._columns[name].after

    def before(self, name: str) -> float:
        """Return a measure's median among the recordings of training."""
        return self._columns[name].before


def match_faults(moved: Shift) -> tuple[Fault, ...]:
    """Return the faults that fit what moved, the most telling first; what one of them explains is not said again."""
    found: dict[Kind, Fault] = {}
    for kind, (sign, explained_by) in FAULT_RULES.items():
        if not found.keys() & explained_by and (one := sign(moved)) is not None:
            found[kind] = one
    return tuple(found.values())


def _sample_rate(moved: Shift) -> Fault | None:
    if moved.lower_rate < 0.5 or moved.by("bandwidth_hz") >= 0:
        return None
    low_hz, model_hz = moved.rate_hz
    what = (
        f"The sound comes at {low_hz} Hz, below the model's {model_hz} Hz: everything above "
        f"{_khz(moved.after('bandwidth_hz'))} is missing"
    )
    return Fault("sample_rate", what, "bandwidth_hz", moved.by("bandwidth_hz"))


def _codec(moved: Shift) -> Fault | None:
    if moved.by("holes") < MIN_HOLES:
        return None
    above = f", and everything above {_khz(moved.after('bandwidth_hz'))}" if moved.by("bandwidth_hz") < 0 else ""
    what = f"Parts of the spectrum are missing{above}: a lossy codec at a low bit rate"
    return Fault("codec", what, "holes", moved.by("holes"))


def _bandwidth(moved: Shift) -> Fault | None:
    if moved.by("bandwidth_hz") > -MIN_BAND * moved.before("bandwidth_hz"):
        return None
    is_wall = moved.plain("cutoff_db") > STEEPER_DB and moved.after("cutoff_db") > WALL_DB
    why = "a codec or a lower sample rate" if is_wall else "a filter, something over the microphone, or another one"
    what = f"Everything above {_khz(moved.after('bandwidth_hz'))} is missing: {why}"
    return Fault("bandwidth", what, "bandwidth_hz", moved.by("bandwidth_hz"))


def _dropouts(moved: Shift) -> Fault | None:
    if moved.by("dropouts") <= 0:
        return None
    what = f"The sound breaks off {moved.after('dropouts'):.1f} times a second: packets or blocks are lost"
    return Fault("dropouts", what, "dropouts", moved.by("dropouts"))


def _hum(moved: Shift) -> Fault | None:
    if moved.by("hum_db") < MIN_HUM_DB:
        return None
    what = f"The mains hum: their harmonics stand {moved.by('hum_db'):.0f} dB higher than before"
    return Fault("hum", what, "hum_db", moved.by("hum_db"))


def _dc(moved: Shift) -> Fault | None:
    if abs(moved.by("dc")) < MIN_DC:
        return None
    what = f"There is an offset of {moved.after('dc'):.1%} of full scale: a fault of the converter or its wiring"
    return Fault("dc", what, "dc", moved.by("dc"))


def _level(moved: Shift) -> Fault | None:
    shift = moved.by("level_db")
    if abs(shift) < MIN_DB:
        return None
    return Fault("level", f"Level {'rose' if shift > 0 else 'fell'} by {abs(shift):.0f} dB", "level_db", shift)


def _clipping(moved: Shift) -> Fault | None:
    if moved.by("clipped") < MIN_CLIPPED and moved.by("flat_topped") < MIN_FLAT_TOPPED:
        return None
    share = max(moved.after("clipped"), moved.after("flat_topped"))
    return Fault(
        "clipping", f"The sound is clipped: {share:.1%} of the samples", "flat_topped", moved.by("flat_topped")
    )


def _reverberation(moved: Shift) -> Fault | None:
    slower, rises = moved.by("decay_db"), moved.plain("attack_db")
    is_drowned = moved.plain("noise_floor_db") > -DROWNED * slower
    if slower > -MIN_DECAY_DB or rises < ASYMMETRY * slower or is_drowned:
        return None
    what = f"The sound rings: it falls by {moved.after('decay_db'):.0f} dB within 80 ms, where it was "
    what += f"{moved.before('decay_db'):.0f} dB, and rises nearly as fast as before"
    return Fault("reverberation", what, "decay_db", slower)


def _noise(moved: Shift) -> Fault | None:
    shift = moved.by("noise_floor_db")
    if abs(shift) < MIN_DB or moved.plain("snr_db") * shift > -0.25 * shift**2:
        return None
    what = f"Noise {'rose' if shift > 0 else 'fell'} by {abs(shift):.0f} dB, to {moved.after('snr_db'):.0f} dB below"
    return Fault("noise", f"{what} the sound", "noise_floor_db", shift)


def _silence(moved: Shift) -> Fault | None:
    if moved.by("silent") < MIN_SILENT:
        return None
    return Fault("silence", f"{moved.after('silent'):.0%} of a recording is silent", "silent", moved.by("silent"))


MIN_DB = 3.0
MIN_HUM_DB = 6.0
MIN_DECAY_DB = 1.5
ASYMMETRY = 1.0
"""Of the loss in how fast sound falls: rises that lose as much are drowned by noise, and do not ring."""
DROWNED = 2.5
"""Of the same: a floor that rises by more is noise. A room fills the gaps with what was there before, and dies away."""
MIN_BAND = 0.15
MIN_HOLES = 0.02
MIN_DC = 0.005
MIN_CLIPPED = 0.001
MIN_FLAT_TOPPED = 0.02
MIN_SILENT = 0.1
STEEPER_DB, WALL_DB = 15.0, 45.0

FAULT_RULES: dict[Kind, tuple[Callable[[Shift], Fault | None], frozenset[Kind]]] = {
    "sample_rate": (_sample_rate, frozenset()),
    "codec": (_codec, frozenset({"sample_rate"})),
    "bandwidth": (_bandwidth, frozenset({"sample_rate", "codec"})),
    "dropouts": (_dropouts, frozenset()),
    "hum": (_hum, frozenset()),
    "dc": (_dc, frozenset()),
    "level": (_level, frozenset({"dropouts"})),
    "clipping": (_clipping, frozenset()),
    "reverberation": (_reverberation, frozenset({"hum", "clipping", "dropouts"})),
    "noise": (_noise, frozenset({"codec", "hum", "clipping", "reverberation", "level", "dropouts"})),
    "silence": (_silence, frozenset({"level", "dropouts"})),
}
"""What is looked for, in this order, and what explains it. Hum and flat tops are noise to a meter of noise, a level
that falls takes floor and silence with it, and a room that rings fills the gaps in which noise is measured."""


def _khz(hz: float) -> str:
    return f"{hz / 1000:.1f} kHz"
