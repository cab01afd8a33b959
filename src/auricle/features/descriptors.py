"""Per-frame descriptors: level, zero crossings, spectral shape, flux and chroma.

Every function takes one window (float32, shape (n,), at ``spec.rate_hz``), returns float32 of shape (n_frames, n),
and raises FeatureError for a sample that is not finite or fewer samples than one frame. Each equals librosa's function
of the same name with ``center=False``, within the tolerance it states (tests/features/test_descriptors.py).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.features.analysis import group_of
from auricle.features.spec import FeatureSpec

__all__ = [
    "chroma_stft",
    "energy",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_flux",
    "spectral_rolloff",
    "zero_crossing_rate",
]

Descriptor = NDArray[np.float32]


def energy(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Sum of the squared samples of each frame, shape (n_frames, 1); librosa has no function of this name."""
    return group_of(samples, spec, "energy")


def rms(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Root mean square of each frame, full scale being 1, shape (n_frames, 1).

    Within 2e-5 of librosa's, relative to the value.
    """
    return group_of(samples, spec, "rms")


def zero_crossing_rate(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Fraction of a frame's samples at which the sign changes, shape (n_frames, 1).

    Samples within 1e-10 of 0 count as positive. Equal to librosa's in at least 99.9% of frames.

    Source: Kedem (1986).
    """
    return group_of(samples, spec, "zcr")


def spectral_centroid(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Mean frequency of each frame weighted by magnitude, in Hz, shape (n_frames, 1); 0 for silence.

    Within 0.1 Hz of librosa's.

    Source: Klapuri and Davy, eds., Signal Processing Methods for Music Transcription (2006), chapter 5.
    """
    return group_of(samples, spec, "centroid")


def spectral_bandwidth(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Deviation of frequency about the centroid weighted by magnitude, in Hz, shape (n_frames, 1); 0 for silence.

    Within 0.1 Hz of librosa's; where most of the spectrum is more than 60 dB below its peak (a pure tone, whose other
    bins hold rounding), within 5e-4 of half the rate.

    Source: Klapuri and Davy (2006), chapter 5.
    """
    return group_of(samples, spec, "bandwidth")


def spectral_rolloff(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Frequency of the bin at which 85% of each frame's magnitude is reached, in Hz, shape (n_frames, 1).

    Equal to librosa's in at least 99.9% of frames.

    Source: Scheirer and Slaney (1997).
    """
    return group_of(samples, spec, "rolloff")


def spectral_flatness(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Geometric over arithmetic mean of each frame's power, in [0, 1], shape (n_frames, 1); 1 for silence.

    Within 5e-5 of librosa's.

    Source: Dubnov (2004).
    """
    return group_of(samples, spec, "flatness")


def spectral_contrast(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Peak over valley of the spectrum below 200 Hz and in up to 6 octave bands above, in dB, shape (n_frames, bands).

    Peaks and valleys are the means of the strongest and the weakest 2% of a band's bins, floored 80 dB below the
    window's largest, and at 1e-5 of the frame's largest bin, since below that float32 holds rounding alone.
    Within 1e-3 dB of librosa's where the valley is within 60 dB of the frame's peak.

    Raises
    ------
    UsageError : frames so short that an octave band holds no bin

    Source: Jiang et al. (2002).
    """
    return group_of(samples, spec, "contrast")


def spectral_flux(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Mean rise of the mel bands since the frame before, in dB, shape (n_frames, 1); the first frame has 0.

    Within 1e-2 dB of librosa.onset.onset_strength on the same log-mel spectrogram.

    Source: Böck and Widmer (2013).
    """
    return group_of(samples, spec, "flux")


def chroma_stft(samples: ArrayLike, spec: FeatureSpec) -> Descriptor:
    """Power in each of the 12 pitch classes, C first, over the frame's largest, shape (n_frames, 12); 0 for silence.

    Concert pitch (A4 = 440 Hz). Within 1e-5 of librosa's with ``tuning=0``.

    Source: Ellis, Chroma feature analysis and synthesis (2007).
    """
    return group_of(samples, spec, "chroma")
