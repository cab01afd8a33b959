"""Feature groups and statistics by name, and the names of a row's columns."""

from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = [
    "FEATURES",
    "PART_STATISTICS",
    "STATISTICS",
    "UNPOOLED",
    "RowSettings",
    "column_names",
    "contrast_bands",
    "modulation_edges_hz",
]

CONTRAST_FMIN_HZ = 200.0
CONTRAST_BANDS = 6
MODULATION_OCTAVES = 6
PITCH_CLASSES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")
STATISTICS = ("mean", "std", "min", "max", "p05", "p25", "p50", "p75", "p95", "slope")
PART_STATISTICS = (*STATISTICS, "rise")
"""Over a part; ``rise`` is its mean minus that of the window: changes within a sound, independent of its level."""


class RowSettings(Protocol):
    """The settings of a :class:`~auricle.features.spec.FeatureSpec` that decide the names of a row's columns."""

    @property
    def rate_hz(self) -> int: ...  # noqa: D102  (the spec documents its settings)
    @property
    def hop(self) -> int: ...  # noqa: D102
    @property
    def n_mels(self) -> int: ...  # noqa: D102
    @property
    def n_mfcc(self) -> int: ...  # noqa: D102
    @property
    def features(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def statistics(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def parts(self) -> int: ...  # noqa: D102
    @property
    def part_statistics(self) -> tuple[str, ...]: ...  # noqa: D102


def contrast_bands(rate_hz: int) -> int:
    """Return how many octave bands above 200 Hz, at most 6, begin below half of ``rate_hz``."""
    return sum(CONTRAST_FMIN_HZ * 2.0**band < rate_hz / 2 for band in range(CONTRAST_BANDS))


def modulation_edges_hz(frame_rate_hz: float) -> list[float]:
    """Return the edges of the octaves of modulation frequency: 1, 2, 4 … Hz, up to half the frame rate."""
    octaves = sum(2.0**octave < frame_rate_hz / 2 for octave in range(MODULATION_OCTAVES))
    return [2.0**octave for octave in range(octaves + 1)]


def _modulations(spec: RowSettings) -> list[str]:
    octaves = modulation_edges_hz(spec.rate_hz / spec.hop)[:-1]
    return [f"{band}_mod{edge_hz:g}hz" for band in _numbered("mel", spec.n_mels) for edge_hz in octaves]


def _numbered(stem: str, count: int, suffix: str = "") -> list[str]:
    return [f"{stem}{index:02d}{suffix}" for index in range(count)]


FEATURES: dict[str, Callable[[RowSettings], list[str]]] = {
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
    "modulation": _modulations,
}
"""Every group of columns that a row can have, and the names of its values under a spec."""

UNPOOLED = frozenset({"modulation"})
"""Groups that have one value for the whole window, not one for each frame."""


def column_names(spec: RowSettings) -> tuple[str, ...]:
    """Return the names of a row's columns: the whole window's, those of each part, then what is not pooled."""
    return tuple(_column_names(spec))


def _column_names(spec: RowSettings) -> Iterator[str]:
    values = [name for feature in spec.features if feature not in UNPOOLED for name in FEATURES[feature](spec)]
    for statistic in spec.statistics:
        yield from (f"{name}_{statistic}" for name in values)
    if spec.parts > 1:
        for part in range(1, spec.parts + 1):
            for statistic in spec.part_statistics:
                yield from (f"{name}_{statistic}_part{part}" for name in values)
    for feature in spec.features:
        if feature in UNPOOLED:
            yield from FEATURES[feature](spec)
