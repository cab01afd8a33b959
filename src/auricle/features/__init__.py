"""Audio features: a window of samples becomes a row of named columns or a log-mel image.

Names are imported when they are first used: a program that only reads specs loads no compiler.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from auricle.features.spec import FeatureSpec, default_spec, standard_spec
    from auricle.features.spectrum import delta, log_mel, magnitude, mfcc, modulation_spectrum, phase, power, stft

__all__ = [
    "Extractor",
    "FeatureSpec",
    "chroma_stft",
    "default_spec",
    "delta",
    "energy",
    "log_mel",
    "magnitude",
    "mfcc",
    "modulation_spectrum",
    "phase",
    "power",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_flux",
    "spectral_rolloff",
    "standard_spec",
    "stft",
    "zero_crossing_rate",
]

_HOME = {
    "Extractor": "extractor",
    "FeatureSpec": "spec",
    "chroma_stft": "descriptors",
    "default_spec": "spec",
    "delta": "spectrum",
    "energy": "descriptors",
    "log_mel": "spectrum",
    "magnitude": "spectrum",
    "mfcc": "spectrum",
    "modulation_spectrum": "spectrum",
    "phase": "spectrum",
    "power": "spectrum",
    "rms": "descriptors",
    "spectral_bandwidth": "descriptors",
    "spectral_centroid": "descriptors",
    "spectral_contrast": "descriptors",
    "spectral_flatness": "descriptors",
    "spectral_flux": "descriptors",
    "spectral_rolloff": "descriptors",
    "standard_spec": "spec",
    "stft": "spectrum",
    "zero_crossing_rate": "descriptors",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"auricle.features.{_HOME[name]}"), name)
    raise AttributeError(f"module 'auricle.features' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
