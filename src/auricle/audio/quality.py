"""Recording quality of a window and of a whole recording: level, clipping, noise, bandwidth, hum, dropouts."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.audio.clipping import FULL_SCALE, ClippedRuns
from auricle.audio.hum import hum_db
from auricle.audio.spectral_quality import spectral_measures
from auricle.errors import AudioError
from auricle.kernels.waveform import block_powers, count_beyond, mean_and_range
from auricle.records import Quality

__all__ = ["QualityAccumulator", "combine", "measure"]

VERSION = 7
"""Raised whenever the same sound gets other measures; part of the key of cached features, and of a bundle.

From 7 on, clipping is counted in the sound as it came, before it is resampled.
"""

FLOOR_DB = -120.0
BLOCK_S = 0.01
SILENCE_DB = -80.0
FLAT_TOP_RATIO = 0.8
LOUDEST_FRACTION = 0.001
MAX_RANKED_SAMPLES = 1 << 14  # bounds the search for the loudest
SLOPE_S = 0.08
STEEPEST_FRACTION = 0.05
SLOPE_RANGE_DB = 60.0
SOUND_DB = -60.0

_FLOOR_POWER = 10 ** (FLOOR_DB / 10)
_AVERAGED = (
    "dc",
    "clipped",
    "silent",
    "noise_floor_db",
    "snr_db",
    "cutoff_db",
    "holes",
    "hum_db",
    "flat_topped",
    "dropouts",
    "attack_db",
    "decay_db",
)


def measure(samples: Samples, rate_hz: int) -> Quality:
    """Measure the recording quality of some samples.

    Silence and noise are measured without the DC offset, in whole blocks of 10 ms; no level is below -120 dB. The
    bandwidth is the highest frequency at which the mean power spectrum is within 60 dB of its peak. Bands are eight
    bins of a spectrum with frames of at least 32 ms.

    Parameters
    ----------
    samples : float32, shape (n,), n ≥ 1, finite
    rate_hz : int
        Sample rate.
    """
    samples = np.require(samples, np.float32, ["C", "W"])
    dc, low, high = mean_and_range(samples)
    peak = max(high, -low)
    size = min(max(1, round(BLOCK_S * rate_hz)), samples.size)
    powers, centred = np.empty((2, samples.size // size), np.float32)
    power = block_powers(samples, dc, size, powers, centred)
    levels_db = _levels_db(centred)
    ranked_db = np.sort(levels_db)
    noise_floor_db = _ranked(ranked_db, 0.10)
    attack_db, decay_db = _slopes_db(levels_db)
    bandwidth_hz, cutoff_db, holes = spectral_measures(samples, rate_hz, dc=dc)
    is_audible = peak * peak > _FLOOR_POWER
    return Quality(
        level_db=_power_db(power + dc * dc),
        peak_db=_power_db(peak * peak),
        dc=dc,
        clipped=_clipped(samples, rate_hz) if peak >= FULL_SCALE else 0.0,
        silent=float(np.count_nonzero(levels_db < SILENCE_DB)) / levels_db.size,
        noise_floor_db=noise_floor_db,
        snr_db=_ranked(ranked_db, 0.95) - noise_floor_db,
        bandwidth_hz=bandwidth_hz,
        cutoff_db=cutoff_db,
        holes=holes,
        hum_db=hum_db(samples, rate_hz, dc=dc),
        flat_topped=_flat_topped(samples) if is_audible else 0.0,
        dropouts=_dropouts(_levels_db(powers)) * rate_hz / samples.size,
        attack_db=attack_db,
        decay_db=decay_db,
    )


class QualityAccumulator:
    """Accumulates the quality of a recording from that of its windows, in constant memory.

    The level is that of the mean power, the peak the largest, the bandwidth the mean weighted by energy; the other
    measures are weighted means (so the noise floor is that of a typical window).
    """

    def __init__(self) -> None:
        self.sums = dict.fromkeys(("weight_s", "power", "band", *_AVERAGED), 0.0)
        self.peak_db = -math.inf

    @property
    def is_empty(self) -> bool:
        """Whether no window was added yet."""
        return not self.sums["weight_s"]

    def add(self, quality: Quality, weight_s: float) -> None:
        """Add the quality of a window, weighted by the window's duration.

        Raises
        ------
        AudioError
            A weight that is not positive.
        """
        if not weight_s > 0:
            raise AudioError(f"every quality must have a positive weight. Got {weight_s}.")
        power = weight_s * 10 ** (quality.level_db / 10)
        self.sums["weight_s"] += weight_s
        self.sums["power"] += power
        self.sums["band"] += power * quality.bandwidth_hz
        for name in _AVERAGED:
            self.sums[name] += weight_s * getattr(quality, name)
        self.peak_db = max(self.peak_db, quality.peak_db)

    def merge(self, other: "QualityAccumulator") -> None:
        """Add all windows of another accumulator."""
        for name, total in other.sums.items():
            self.sums[name] += total
        self.peak_db = max(self.peak_db, other.peak_db)

    def quality(self) -> Quality:
        """Return the quality of all windows so far.

        Raises
        ------
        AudioError
            No window yet.
        """
        if self.is_empty:
            raise AudioError("a recording's quality is that of its windows. Got none.")
        weight_s, power = self.sums["weight_s"], self.sums["power"]
        return Quality(
            level_db=_power_db(power / weight_s),
            peak_db=self.peak_db,
            bandwidth_hz=self.sums["band"] / power,
            **{name: self.sums[name] / weight_s for name in _AVERAGED},
        )


def combine(qualities: Sequence[Quality], weights_s: Sequence[float]) -> Quality:
    """Combine the qualities of windows into that of their recording, as `QualityAccumulator` does.

    Parameters
    ----------
    qualities : sequence of Quality
        One per window, at least one.
    weights_s : sequence of float
        The duration of each window.

    Raises
    ------
    AudioError
        No qualities, or not one positive weight for each.
    """
    if len(qualities) != len(weights_s):
        raise AudioError(f"every quality must have a positive weight. Got {len(qualities)} and {list(weights_s)}.")
    combined = QualityAccumulator()
    for quality, weight_s in zip(qualities, weights_s, strict=True):
        combined.add(quality, weight_s)
    return combined.quality()


def _power_db(power: float) -> float:
    return max(FLOOR_DB, 10 * math.log10(max(power, _FLOOR_POWER)))


def _levels_db(powers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert powers to dB, at least `FLOOR_DB`: NumPy's logarithm of the floor is lower on some processors."""
    levels: NDArray[np.float32] = 10 * np.log10(np.maximum(powers, np.float32(_FLOOR_POWER)))
    return np.maximum(levels, np.float32(FLOOR_DB))


def _ranked(ascending: NDArray[np.float32], fraction: float) -> float:
    return float(ascending[round(fraction * (ascending.size - 1))])


def _clipped(samples: Samples, rate_hz: int) -> float:
    runs = ClippedRuns(rate_hz)
    runs.push(samples)
    return runs.fraction(0.0, samples.size / rate_hz)


def _flat_topped(samples: Samples) -> float:
    """Return the fraction of samples close to the loudest thousandth; the peak may be a resampler's overshoot."""
    magnitudes = np.abs(samples[:: -(-samples.size // MAX_RANKED_SAMPLES)])
    rank = math.ceil((1.0 - LOUDEST_FRACTION) * (magnitudes.size - 1))
    top = float(np.partition(magnitudes, rank)[rank])
    return count_beyond(samples, FLAT_TOP_RATIO * top) / samples.size if top * top > _FLOOR_POWER else 0.0


def _dropouts(levels_db: NDArray[np.float32]) -> int:
    """Count the blocks of sound that silence follows at once, as where a packet was lost."""
    return int(np.count_nonzero((levels_db[:-1] > SOUND_DB) & (levels_db[1:] < SILENCE_DB)))


def _slopes_db(levels_db: NDArray[np.float32]) -> tuple[float, float]:
    """Return the means of the steepest rises and of the steepest falls, within 60 dB of the loudest block."""
    step = round(SLOPE_S / BLOCK_S)
    if levels_db.size <= step:
        return 0.0, 0.0
    floored_db = np.maximum(levels_db, levels_db.max() - np.float32(SLOPE_RANGE_DB))
    slopes_db = np.sort(floored_db[step:] - floored_db[:-step])
    count = max(1, round(STEEPEST_FRACTION * slopes_db.size))
    return max(0.0, float(slopes_db[-count:].sum()) / count), max(0.0, -float(slopes_db[:count].sum()) / count)
