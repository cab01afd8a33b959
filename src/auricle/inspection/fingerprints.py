"""Audio fingerprints of recordings: robust to gain, trimming and re-encoding, 2.6 kB per second."""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from auricle.audio.clip import Clip, Samples
from auricle.audio.resample import resample
from auricle.features.filters import mel_filters
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import log_mel

__all__ = [
    "BITS",
    "FRAME",
    "FRAMES_PER_SECOND",
    "HOP",
    "LONGEST_S",
    "RATE_HZ",
    "VERSION",
    "Digest",
    "Fingerprint",
    "fingerprint",
    "frames_of",
]

VERSION = 1
"""Increased whenever the same sound gives a different fingerprint."""

RATE_HZ = 8000
N_FFT = 512
HOP = 64
FRAMES_PER_SECOND = RATE_HZ // HOP  # 8 ms per frame
LAG = 4  # frames between the compared spectra
BITS = 24
LONGEST_S = 600.0
N_WEAK = 4
SILENCE = 2e-6  # from the lowest sample to the highest: -120 dB

GATE_DB = 60.0  # further below the loudest band within a quarter of a second, codecs are unreliable
MASKING_FRAMES = FRAMES_PER_SECOND // 2
FLOOR_DB = -104.0  # rounding noise of 16 bits
DEAD_DB = 0.1  # the sign of a steadier band is rounding
WAVE_BAND_HZ = (400.0, 2000.0)
PRE_EMPHASIS = 0.9

_SPEC = FeatureSpec(
    rate_hz=RATE_HZ, n_fft=N_FFT, hop=HOP, n_mels=BITS + 1, fmin_hz=150.0, fmax_hz=3600.0, mel_scale="htk"
)

FRAME = np.dtype([("word", "<u4"), ("known", "<u4"), ("weak", "<u4"), ("wave", "<u8"), ("level_db", "i1")])
"""Fingerprint of 8 ms: 24 signs of the spectrum, a mask of the audible ones, a mask of the four least certain ones,
64 signs of the waveform, and the level of the loudest band."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The fingerprint of a recording.

    Parameters
    ----------
    digest : bytes
        SHA-256 of the samples and their rate, independent of the container; empty for silence.
    frames : FRAME, shape (n,)
        Empty below 0.1 s; no sign is known where the sound is silent or a steady tone.
    """

    digest: bytes
    frames: NDArray[np.void]


class Digest:
    """SHA-256 of sound that comes in blocks.

    Parameters
    ----------
    rate_hz : int
        The same samples at another rate have another digest.
    """

    def __init__(self, rate_hz: int) -> None:
        self._hash = hashlib.sha256(f"{rate_hz}:".encode())
        self._lowest, self._highest = math.inf, -math.inf

    def push(self, block: Samples) -> None:
        """Take the next samples: float32, shape (n,), n ≥ 1."""
        self._hash.update(np.ascontiguousarray(block).data)
        self._lowest = min(self._lowest, float(block.min()))
        self._highest = max(self._highest, float(block.max()))

    @property
    def value(self) -> bytes:
        """The digest; empty if all samples are equal."""
        return self._hash.digest() if self._highest - self._lowest > SILENCE else b""


def fingerprint(clip: Clip) -> Fingerprint:
    """Return the fingerprint of a whole recording at any rate: frames only of its first ten minutes."""
    digest = Digest(clip.rate_hz)
    digest.push(clip.samples)
    start = Clip(clip.samples[: round(LONGEST_S * clip.rate_hz)], clip.rate_hz, source=clip.source)
    return Fingerprint(digest.value, frames_of(resample(start, RATE_HZ).samples))


def frames_of(samples: Samples) -> NDArray[np.void]:
    """Return the frames of sound at 8 kHz, from its band of 150 to 3600 Hz: dtype `FRAME`, shape (n,).

    A sign of the spectrum is positive if the step between two of 25 mel bands grew within 32 ms. Gain and steady
    spectra cancel: two stretches of a machine's hum agree only by chance. The signs of the band-passed waveform add the
    phase, in which two takes of one word differ.

    Source: Haitsma and Kalker (2002), A highly robust audio fingerprinting system; the frames are shorter here, for
    single words, and the waveform's signs are ours.
    """
    frames = np.zeros(max(0, (samples.size - N_FFT) // HOP + 1 - LAG), FRAME)
    if frames.size == 0:
        return frames
    levels_db = log_mel(samples, _SPEC) - _full_scale_db()
    loudest_db = levels_db.max(axis=1)
    masked_db = ndimage.maximum_filter1d(loudest_db, MASKING_FRAMES, mode="nearest") - GATE_DB
    audible = levels_db > np.maximum(masked_db, FLOOR_DB)[:, None]
    both = audible[:, :-1] & audible[:, 1:]
    steps_db = levels_db[:, :-1] - levels_db[:, 1:]
    growth_db = steps_db[LAG:] - steps_db[:-LAG]
    known = both[LAG:] & both[:-LAG] & (np.abs(growth_db) > DEAD_DB)
    frames["word"] = _packed(known & (growth_db > 0))
    frames["known"] = _packed(known)
    frames["weak"] = _packed(known & _smallest(np.where(known, np.abs(growth_db), np.inf)))
    frames["wave"] = _wave_signs(samples, frames.size)
    frames["level_db"] = np.clip(np.round(loudest_db[LAG:]), -128, 127)
    return frames


def _smallest(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return a mask of the `N_WEAK` smallest values of each row."""
    chosen = np.zeros(values.shape, bool)
    np.put_along_axis(chosen, np.argpartition(values, N_WEAK, axis=1)[:, :N_WEAK], values=True, axis=1)
    return chosen


def _wave_signs(samples: Samples, n: int) -> NDArray[np.uint64]:
    """Return 64 signs of the band-passed waveform from the middle of each frame."""
    emphasised = np.append(samples[:1], samples[1:] - np.float32(PRE_EMPHASIS) * samples[:-1])
    first = (LAG * HOP + N_FFT - HOP) // 2
    filtered = signal.sosfilt(_band_pass(), emphasised)[first : first + n * HOP]
    packed = np.packbits(filtered.reshape(n, HOP) > 0, axis=1, bitorder="little")
    signs: NDArray[np.uint64] = packed.view("<u8").ravel()
    return signs


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    padded = np.zeros((len(bits), 32), bool)
    padded[:, :BITS] = bits
    words: NDArray[np.uint32] = np.packbits(padded, axis=1, bitorder="little").view("<u4").ravel()
    return words


@lru_cache(maxsize=1)
def _full_scale_db() -> NDArray[np.float32]:
    """Return the level of a full-scale sine in each band."""
    peaks = mel_filters(_SPEC).max(axis=1)
    levels_db: NDArray[np.float32] = (20 * math.log10(N_FFT / 4) + 10 * np.log10(peaks)).astype(np.float32)
    return levels_db


@lru_cache(maxsize=1)
def _band_pass() -> NDArray[np.float64]:
    sections: NDArray[np.float64] = signal.butter(2, WAVE_BAND_HZ, "bandpass", fs=RATE_HZ, output="sos")
    return sections
