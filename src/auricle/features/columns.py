"""The table of features and statistics, and the names of a row's columns."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.features.spec import FeatureSpec

__all__ = ["FEATURES", "STATISTICS", "column_names", "contrast_bands"]

CONTRAST_FMIN_HZ = 200.0
CONTRAST_BANDS = 6
PITCH_CLASSES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")
STATISTICS = ("mean", "std", "min", "max", "p05", "p25", "p50", "p75", "p95", "slope")


def contrast_bands(rate_hz: int) -> int:
    """Return how many octave bands above 200 Hz, at most 6, begin below half of ``rate_hz``."""
    return sum(CONTRAST_FMIN_HZ * 2.0**band < rate_hz / 2 for band in range(CONTRAST_BANDS))


def _numbered(stem: str, count: int, suffix: str = "") -> list[str]:
    return [f"{stem}{index:02d}{suffix}" for index in range(count)]


FEATURES: "dict[str, Callable[[FeatureSpec], list[str]]]" = {
    "mfcc": lambda spec: _numbered("mfcc", spec.n_mfcc),
    "mfcc_delta": lambda spec: _numbered("mfcc", spec.n_mfcc, "_delta"),
    "mfcc_delta2": lambda spec: _numbered("mfcc", spec.n_mfcc, "_delta2"),
    "mel": lambda spec: _numbered("mel", spec.n_mels),
    "mel_delta": lambda spec: _numbered("mel", spec.n_mels, "_delta"),
    "centroid": lambda _: ["centroid"],
    "bandwidth": lambda _: ["bandwidth"],
    "rolloff": lambda _: ["rolloff"],
    "flatness": lambda _: ["flatness"],
    "contrast": lambda spec: _numbered("contrast", contrast_bands(spec.rate_hz) + 1),
    "chroma": lambda _: [f"chroma_{name}" for name in PITCH_CLASSES],
    "flux": lambda _: ["flux"],
    "rms": lambda _: ["rms"],
    "energy": lambda _: ["energy"],
    "zcr": lambda _: ["zcr"],
}
"""Every group of columns that a row can have, and the names of its values under a spec."""


def column_names(spec: "FeatureSpec") -> tuple[str, ...]:
    """Return the names of a row's columns: the whole window's, then those of each part."""
    return tuple(_column_names(spec))


def _column_names(spec: "FeatureSpec") -> Iterator[str]:
    values = [name for feature in spec.features for name in FEATURES[feature](spec)]
    for statistic in spec.statistics:
        yield from (f"{name}_{statistic}" for name in values)
    if spec.parts > 1:
        for part in range(1, spec.parts + 1):
            for statistic in spec.part_statistics:
                yield from (f"{name}_{statistic}_part{part}" for name in values)
