"""Fault rules: recording faults (hum, clipping, codec, dropouts, ...) that match a shift of the quality measures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from auricle.monitoring.drift.feature_drift import FeatureDrift

__all__ = ["FAULT_RULES", "Fault", "Kind", "QualityShift", "match_faults"]

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
    """A recording fault that matches.

    Parameters
    ----------
    kind : Kind
    description : str
        Start of the cause's sentence, with the size of the change.
    measure : str
        Quality measure that locates the fault in time and subgroups, "" where none does.
    shift : float
        Shift of that measure's median, in its own unit.
    """

    kind: Kind
    description: str
    measure: str = ""
    shift: float = 0.0


class QualityShift:
    """Shifts of the quality measures between training data and window.

    Parameters
    ----------
    columns : mapping of str to FeatureDrift
        Drift by measure.
    rate : float
        False discovery rate.
    lower_rate : float
        Share of recordings with a sample rate below the model's.
    rate_hz : tuple of int
        Most common sample rate of those, and the model's.
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

    def significant(self, name: str) -> float:
        """Return the shift of a measure's median; 0 without significant drift."""
        column = self._columns[name]
        return column.after - column.before if column.drifted(self._rate) else 0.0

    def raw(self, name: str) -> float:
        """Return the shift of a measure's median, significant or not."""
        return self._columns[name].after - self._columns[name].before

    def after(self, name: str) -> float:
        """Return a measure's median in the window."""
        return self._columns[name].after

    def before(self, name: str) -> float:
        """Return a measure's median in the training data."""
        return self._columns[name].before


def match_faults(shift: QualityShift) -> tuple[Fault, ...]:
    """Return the faults that match, the most specific first, without those that another fault explains."""
    found: dict[Kind, Fault] = {}
    for kind, (rule, explained_by) in FAULT_RULES.items():
        if not found.keys() & explained_by and (fault := rule(shift)) is not None:
            found[kind] = fault
    return tuple(found.values())


def _sample_rate(shift: QualityShift) -> Fault | None:
    if shift.lower_rate < 0.5 or shift.significant("bandwidth_hz") >= 0:
        return None
    low_hz, model_hz = shift.rate_hz
    description = (
        f"The sample rate is {low_hz} Hz, below the model's {model_hz} Hz: no content above "
        f"{_khz(shift.after('bandwidth_hz'))}"
    )
    return Fault("sample_rate", description, "bandwidth_hz", shift.significant("bandwidth_hz"))


def _codec(shift: QualityShift) -> Fault | None:
    if shift.significant("holes") < MIN_HOLES:
        return None
    cutoff = (
        f" and no content above {_khz(shift.after('bandwidth_hz'))}" if shift.significant("bandwidth_hz") < 0 else ""
    )
    description = f"Spectral holes{cutoff}: a lossy codec at a low bit rate"
    return Fault("codec", description, "holes", shift.significant("holes"))


def _bandwidth(shift: QualityShift) -> Fault | None:
    if shift.significant("bandwidth_hz") > -MIN_BAND * shift.before("bandwidth_hz"):
        return None
    is_steep = shift.raw("cutoff_db") > STEEPER_DB and shift.after("cutoff_db") > STEEP_DB
    reason = "a codec or a lower sample rate" if is_steep else "a filter, a covered microphone or another one"
    description = f"No content above {_khz(shift.after('bandwidth_hz'))}: {reason}"
    return Fault("bandwidth", description, "bandwidth_hz", shift.significant("bandwidth_hz"))


def _dropouts(shift: QualityShift) -> Fault | None:
    if shift.significant("dropouts") <= 0:
        return None
    description = f"Dropouts: {shift.after('dropouts'):.1f} interruptions per second, by lost packets or blocks"
    return Fault("dropouts", description, "dropouts", shift.significant("dropouts"))


def _hum(shift: QualityShift) -> Fault | None:
    if shift.significant("hum_db") < MIN_HUM_DB:
        return None
    description = f"Mains hum rose by {shift.significant('hum_db'):.0f} dB"
    return Fault("hum", description, "hum_db", shift.significant("hum_db"))


def _dc(shift: QualityShift) -> Fault | None:
    if abs(shift.significant("dc")) < MIN_DC:
        return None
    description = f"DC offset of {shift.after('dc'):.1%} of full scale: a fault in the converter or its wiring"
    return Fault("dc", description, "dc", shift.significant("dc"))


def _level(shift: QualityShift) -> Fault | None:
    change_db = shift.significant("level_db")
    if abs(change_db) < MIN_DB:
        return None
    description = f"Level {'rose' if change_db > 0 else 'fell'} by {abs(change_db):.0f} dB"
    return Fault("level", description, "level_db", change_db)


def _clipping(shift: QualityShift) -> Fault | None:
    if shift.significant("clipped") < MIN_CLIPPED and shift.significant("flat_topped") < MIN_FLAT_TOPPED:
        return None
    share = max(shift.after("clipped"), shift.after("flat_topped"))
    return Fault("clipping", f"Clipping: {share:.1%} of samples", "flat_topped", shift.significant("flat_topped"))


def _reverberation(shift: QualityShift) -> Fault | None:
    decay_db, attack_db = shift.significant("decay_db"), shift.raw("attack_db")
    is_noise = shift.raw("noise_floor_db") > -NOISE_RATIO * decay_db
    if decay_db > -MIN_DECAY_DB or attack_db < ASYMMETRY * decay_db or is_noise:
        return None
    description = f"Reverberation: the level falls by {shift.after('decay_db'):.0f} dB within 80 ms, against "
    description += f"{shift.before('decay_db'):.0f} dB before, while the attack is nearly as fast"
    return Fault("reverberation", description, "decay_db", decay_db)


def _noise(shift: QualityShift) -> Fault | None:
    change_db, snr_db = shift.significant("noise_floor_db"), shift.after("snr_db")
    if abs(change_db) < MIN_DB or shift.raw("snr_db") * change_db > -0.25 * change_db**2:
        return None
    direction = "rose" if change_db > 0 else "fell"
    description = f"Noise {direction} by {abs(change_db):.0f} dB, to {snr_db:.0f} dB below the sound"
    return Fault("noise", description, "noise_floor_db", change_db)


def _silence(shift: QualityShift) -> Fault | None:
    if shift.significant("silent") < MIN_SILENT:
        return None
    return Fault(
        "silence", f"Silence: {shift.after('silent'):.0%} of a recording", "silent", shift.significant("silent")
    )


MIN_DB = 3.0
MIN_HUM_DB = 6.0
MIN_DECAY_DB = 1.5
ASYMMETRY = 1.0
"""Ratio of attack loss to decay loss from which on noise, not reverberation, is the reason."""
NOISE_RATIO = 2.5
"""Rise of the noise floor per decibel of decay loss from which on noise, not reverberation, is the reason."""
MIN_BAND = 0.15
MIN_HOLES = 0.02
MIN_DC = 0.005
MIN_CLIPPED = 0.001
MIN_FLAT_TOPPED = 0.02
MIN_SILENT = 0.1
STEEPER_DB, STEEP_DB = 15.0, 45.0

FAULT_RULES: dict[Kind, tuple[Callable[[QualityShift], Fault | None], frozenset[Kind]]] = {
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
"""Rules in order of precedence, with the faults that explain each. Hum and clipping raise the measured noise, a lower
level lowers the noise floor too, and reverberation fills the gaps in which noise is measured."""


def _khz(hz: float) -> str:
    return f"{hz / 1000:.1f} kHz"
