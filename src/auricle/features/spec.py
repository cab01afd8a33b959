"""`FeatureSpec`: the frozen feature settings that training, prediction and bundles share, with their defaults."""

import hashlib
import json
import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from auricle.errors import UsageError
from auricle.features.columns import FEATURES, PART_STATISTICS, STATISTICS, column_names
from auricle.features.filters import contrast_bins, empty_bands

__all__ = ["KERNEL_VERSION", "FeatureSpec", "default_spec", "standard_spec"]

KERNEL_VERSION = 5
"""Raised whenever the same spec gives other values; part of every fingerprint."""


class FeatureSpec(BaseModel):
    """How a window of sound becomes one row of named numbers, or one log-mel image.

    Frames are never padded: frame ``i`` holds samples ``[i * hop, i * hop + n_fft)`` of its window.

    Parameters
    ----------
    rate_hz : the rate that sound is resampled to
    n_fft : samples in a frame; powers of two are fastest; not given, 2048, or more where mel bands would be empty
    hop : samples from one frame to the next; not given, a quarter of that frame
    n_mels, fmin_hz, fmax_hz, mel_scale : the mel bands; ``fmax_hz`` None is half of ``rate_hz``
    n_mfcc : cepstral coefficients, the zeroth included
    window_s : length of a window; None makes the whole clip one window
    window_hop_s : from one window to the next, rounded to the frame grid; None is ``window_s``
    features : groups of columns, keys of :data:`~auricle.features.columns.FEATURES`
    statistics : what each group is pooled with, over the whole window
    parts : 1 pools the whole window only; k > 1 pools each of k equal parts of it as well
    part_statistics : what each group is pooled with, over each part
    trim_db : frames before the first and after the last within this many dB of the loudest are left out of a row
        (not of an image); None keeps all

    Raises
    ------
    UsageError : a setting is out of its range, unknown, or contradicts another
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate_hz: int = Field(default=22_050, ge=1)
    n_fft: int = Field(default=2048, ge=2)
    hop: int = Field(default=512, ge=1)
    n_mels: int = Field(default=128, ge=1)
    fmin_hz: float = Field(default=0.0, ge=0)
    fmax_hz: float | None = None
    mel_scale: Literal["slaney", "htk"] = "slaney"
    n_mfcc: int = Field(default=20, ge=1)
    window_s: float | None = Field(default=None, gt=0)
    window_hop_s: float | None = Field(default=None, gt=0)
    features: tuple[str, ...] = ("mfcc", "mfcc_delta", "mel", "centroid", "bandwidth", "rolloff", "flatness", "zcr")
    statistics: tuple[str, ...] = ("mean", "std")
    parts: int = Field(default=1, ge=1, le=64)
    part_statistics: tuple[str, ...] = ("mean", "std")
    trim_db: float | None = Field(default=None, gt=0)

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            spec = handler(values)
            if "n_fft" not in spec.model_fields_set and (longer := _without_empty_bands(spec)) != spec.n_fft:
                hop = {} if "hop" in spec.model_fields_set else {"hop": longer // 4}
                spec = handler({**values, "n_fft": longer, **hop})
        except ValidationError as error:
            raise UsageError(_sentence(error)) from None
        _check_bands(spec)
        _check_names("features", spec.features, tuple(FEATURES))
        if "contrast" in spec.features:
            contrast_bins(spec.rate_hz, spec.n_fft)
        _check_names("statistics", spec.statistics, STATISTICS)
        _check_names("part_statistics", spec.part_statistics, PART_STATISTICS)
        if spec.window_samples is not None and spec.window_samples < spec.n_fft:
            raise UsageError(
                f"`window_s` must hold at least one frame ({spec.n_fft} samples, {spec.n_fft / spec.rate_hz:.4g} s). "
                f"Got {spec.window_s:g}. Raise it or lower `n_fft`."
            )
        return spec

    @property
    def window_samples(self) -> int | None:
        """Samples in a window; None when the whole clip is one window."""
        return None if self.window_s is None else round(self.window_s * self.rate_hz)

    @property
    def window_hop_samples(self) -> int:
        """Samples from one window to the next, a multiple of ``hop``; never leaves a gap when it is not given."""
        if self.window_hop_s is not None:
            return max(1, round(self.window_hop_s * self.rate_hz / self.hop)) * self.hop
        return max(1, (self.window_samples or 0) // self.hop) * self.hop

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a row's columns: ``mfcc03_mean``, ``mel12_p95``, ``mfcc03_mean_part2``."""
        return column_names(self)

    def n_frames(self, n_samples: int) -> int:
        """Return how many whole frames lie in ``n_samples``."""
        return 0 if n_samples < self.n_fft else 1 + (n_samples - self.n_fft) // self.hop

    def fingerprint(self) -> str:
        """Return the SHA-256 of the spec and the kernel's version: equal fingerprints, equal numbers."""
        content = {"kernel": KERNEL_VERSION, "spec": self.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


MAX_CHOSEN_N_FFT = 1 << 16
"""Longest frame that is chosen where none is given."""

_DESCRIPTORS = ("centroid", "bandwidth", "rolloff", "flatness", "contrast", "flux", "rms", "zcr")


def default_spec(rate_hz: int, *, fmin_hz: float = 0.0, fmax_hz: float | None = None) -> FeatureSpec:
    """Return the spec that training uses when none is given: the clip, trimmed, is one window of four parts.

    Log-mel statistics stand beside the cepstrum: linear and kernel families use both. Percentiles tell a steady sound
    from one with rare events, of whatever loudness. Changes over time are pooled as well, the modulation spectrum tells
    what flutters from what is steady, and the parts keep the order of events, which words need; what rises and falls
    between them counts, not how loud or muffled a recording is. The trimming makes the parts begin where the sound
    does, so that a part means the same stretch of a word or a bark wherever the recording was cut. Frames of about
    32 ms are short enough not to resolve the harmonics of a voice, which tell speakers apart and not words.
    """
    n_fft = _frame(rate_hz, 0.032)
    return FeatureSpec(
        rate_hz=rate_hz,
        n_fft=n_fft,
        hop=n_fft // 4,
        n_mels=_bands(n_fft, 40),
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
        n_mfcc=20,
        features=("mfcc", "mfcc_delta", "mfcc_delta2", "mel", "mel_delta", *_DESCRIPTORS, "modulation"),
        statistics=("mean", "std", "p05", "p50", "p95"),
        parts=4,
        part_statistics=("rise", "std"),
        trim_db=30.0,
    )


def standard_spec(rate_hz: int) -> FeatureSpec:
    """Return the compact spec of novelty and monitoring: columns with readable names, whatever the input of the model.

    It sees the frames that the default spec sees, so that one analysis is enough for both.
    """
    n_fft = _frame(rate_hz, 0.032)
    return FeatureSpec(
        rate_hz=rate_hz,
        n_fft=n_fft,
        hop=n_fft // 4,
        n_mels=_bands(n_fft, 40),
        n_mfcc=13,
        features=("mfcc", *_DESCRIPTORS),
        statistics=("mean", "std", "p05", "p50", "p95"),
    )


def _frame(rate_hz: int, frame_s: float) -> int:
    """Return the power of two nearest to ``frame_s``."""
    exponent: int = round(math.log2(frame_s * rate_hz))
    return max(256, 1 << max(0, exponent))


def _bands(n_fft: int, wanted: int) -> int:
    """Return ``wanted`` mel bands, or as many as leave none empty where frames are that short."""
    return min(wanted, n_fft // 8)


def _without_empty_bands(spec: FeatureSpec) -> int:
    """Return the frame, or the power of two above it that leaves no mel band empty."""
    n_fft = spec.n_fft
    while n_fft < MAX_CHOSEN_N_FFT and empty_bands(spec.model_copy(update={"n_fft": n_fft})):
        n_fft *= 2
    return n_fft


def _check_bands(spec: FeatureSpec) -> None:
    nyquist_hz = spec.rate_hz / 2
    fmax_hz = nyquist_hz if spec.fmax_hz is None else spec.fmax_hz
    if fmax_hz > nyquist_hz:
        raise UsageError(
            f"`fmax_hz` must be at most {nyquist_hz:g} (half of {spec.rate_hz} Hz). Got {fmax_hz:g}. "
            "Lower it or raise `rate_hz`."
        )
    if spec.fmin_hz >= fmax_hz:
        raise UsageError(f"`fmin_hz` must be below `fmax_hz` ({fmax_hz:g}). Got {spec.fmin_hz:g}.")
    if spec.n_mfcc > spec.n_mels:
        raise UsageError(f"`n_mfcc` must be at most `n_mels` ({spec.n_mels}). Got {spec.n_mfcc}.")
    if empty := empty_bands(spec):
        raise UsageError(
            f"Every mel band must hold a bin of the spectrum ({spec.rate_hz / spec.n_fft:.4g} Hz wide). "
            f"{len(empty)} of {spec.n_mels} bands are empty, the first is band {empty[0]}. "
            "Lower `n_mels`, raise `n_fft`, or raise `fmin_hz`."
        )


def _check_names(setting: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not names or len(set(names)) != len(names):
        raise UsageError(f"`{setting}` must name at least one of {', '.join(known)}, each once. Got {list(names)}.")
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"`{setting}` must be among {', '.join(known)}. Got {unknown[0]!r}.")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = ".".join(map(str, first["loc"])) or "spec"
    if first["type"] == "extra_forbidden":
        return f"`{name}` is not a setting of FeatureSpec. Known: {', '.join(FeatureSpec.model_fields)}."
    rule = first["msg"].removeprefix("Input should be ")
    return f"`{name}` must be {rule}. Got {first['input']!r}."
