"""Numbers out: a window becomes a row of named columns or an image."""

from auricle.features.cepstrum import delta, mfcc
from auricle.features.descriptors import (
    chroma_stft,
    energy,
    rms,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_flatness,
    spectral_flux,
    spectral_rolloff,
    zero_crossing_rate,
)
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import log_mel, magnitude, phase, power, stft

__all__ = [
    "Extractor",
    "FeatureSpec",
    "chroma_stft",
    "delta",
    "energy",
    "log_mel",
    "magnitude",
    "mfcc",
    "phase",
    "power",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_flux",
    "spectral_rolloff",
    "stft",
    "zero_crossing_rate",
]
