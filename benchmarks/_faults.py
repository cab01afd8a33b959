"""Recording faults for benchmarks: functions from samples to samples, such as noise, hum, clipping and codecs.

Each takes float32 samples in [-1, 1], their rate and a generator, and returns samples that a 16-bit file can hold, with
their rate; the length stays the same.
"""

import io
from collections.abc import Callable

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import fft, signal

__all__ = ["FAULTS", "Fault"]

Samples = NDArray[np.float32]
Fault = Callable[[Samples, int, np.random.Generator], tuple[Samples, int]]

SNR_DB = 10.0
CUT_HZ = 4000.0
LOW_RATE_HZ = 8000
MP3_RATE_HZ = 16_000
"""Rate that an encoder resamples to for 16 kbit/s, which the format allows up to 24 kHz only."""
MP3_LEVEL = 0.95
CLIPPED_SHARE = 0.1
RT60_S = 0.8


def gain(gain_db: float) -> Fault:
    """Change the level; samples above full scale are clipped."""
    return lambda x, rate_hz, _: (_written(x * 10 ** (gain_db / 20)), rate_hz)


def white(x: Samples, rate_hz: int, rng: np.random.Generator) -> tuple[Samples, int]:
    """Add white noise at 10 dB SNR."""
    return _written(x + _at_snr(rng.standard_normal(x.size), x)), rate_hz


def pink(x: Samples, rate_hz: int, rng: np.random.Generator) -> tuple[Samples, int]:
    """Add pink noise (-3 dB per octave from 20 Hz on) at 10 dB SNR."""
    n = fft.next_fast_len(x.size, real=True)
    hz = fft.rfftfreq(n, 1 / rate_hz)
    noise = fft.irfft(fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(hz, 20.0)), n)[: x.size]
    return _written(x + _at_snr(noise, x)), rate_hz


def hum(x: Samples, rate_hz: int, rng: np.random.Generator) -> tuple[Samples, int]:
    """Add mains hum, 50 Hz and its harmonics at random phases, at 10 dB SNR."""
    time_s = np.arange(x.size) / rate_hz
    harmonics = ((1, 1.0), (2, 0.6), (3, 0.5), (4, 0.2), (5, 0.25), (6, 0.1), (7, 0.1))
    tones = sum(a * np.sin(2 * np.pi * (50.0 * k * time_s + rng.random())) for k, a in harmonics)
    return _written(x + _at_snr(np.asarray(tones), x)), rate_hz


def low_pass(x: Samples, rate_hz: int, _: np.random.Generator) -> tuple[Samples, int]:
    """Remove content above 4 kHz with an eighth-order Butterworth filter."""
    return _written(signal.sosfilt(signal.butter(8, min(CUT_HZ, rate_hz / 4), fs=rate_hz, output="sos"), x)), rate_hz


def mp3(x: Samples, rate_hz: int, _: np.random.Generator) -> tuple[Samples, int]:
    """Encode at 16 kbit/s and decode, at 16 kHz, as encoders do where a higher rate does not fit."""
    stream = io.BytesIO()
    encoded = soxr.resample(x, rate_hz, MP3_RATE_HZ)
    options = {"bitrate_mode": "CONSTANT", "compression_level": MP3_LEVEL}
    soundfile.write(stream, encoded, MP3_RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", **options)
    stream.seek(0)
    decoded, _ = soundfile.read(stream, dtype="float32")
    return _length(soxr.resample(decoded, MP3_RATE_HZ, rate_hz), x.size), rate_hz


def clipping(x: Samples, rate_hz: int, _: np.random.Generator) -> tuple[Samples, int]:
    """Clip a tenth of the samples, at the same level."""
    limit = float(np.quantile(np.abs(x), 1 - CLIPPED_SHARE))
    cut = np.clip(x, -limit, limit)
    return _written(cut * _rms(x) / max(_rms(cut), 1e-9)), rate_hz


def reverberation(x: Samples, rate_hz: int, rng: np.random.Generator) -> tuple[Samples, int]:
    """Add the reverberation of a large room: 0.8 s of RT60, as loud as the direct sound."""
    time_s = np.arange(round(RT60_S * rate_hz)) / rate_hz
    tail = rng.standard_normal(time_s.size) * 10 ** (-3 * time_s / RT60_S)
    tail[: round(0.005 * rate_hz)] = 0.0  # the first wall is a metre and a half away
    tail /= np.sqrt((tail**2).sum())
    wet = x + signal.fftconvolve(x, tail)[: x.size]
    return _written(wet * _rms(x) / max(_rms(wet), 1e-9)), rate_hz


def low_rate(x: Samples, rate_hz: int, _: np.random.Generator) -> tuple[Samples, int]:
    """Resample to 8 kHz, also in the file's header."""
    return _written(soxr.resample(x, rate_hz, LOW_RATE_HZ)), LOW_RATE_HZ


FAULTS: dict[str, Fault] = {
    "gain_up": gain(12.0),
    "gain_down": gain(-12.0),
    "white_noise": white,
    "pink_noise": pink,
    "hum": hum,
    "low_pass": low_pass,
    "mp3": mp3,
    "clipping": clipping,
    "reverberation": reverberation,
    "sample_rate": low_rate,
}


def _rms(x: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def _at_snr(noise: NDArray[np.float64], x: Samples) -> NDArray[np.float64]:
    return noise * (_rms(x) / max(_rms(noise), 1e-12) * 10 ** (-SNR_DB / 20))


def _length(x: Samples, n: int) -> Samples:
    return np.pad(x[:n], (0, max(0, n - x.size))).astype(np.float32)


def _written(x: NDArray[np.floating]) -> Samples:
    """Return samples at 16-bit resolution."""
    return (np.clip(np.round(x * 32768.0), -32768, 32767) / 32768.0).astype(np.float32)
