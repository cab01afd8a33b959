"""Log-mel images as a feature block: one size for windows of any length, flattened into columns."""

import math

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from auricle.errors import FeatureError, UsageError
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec

__all__ = ["Image", "image_spec"]

_N_FRAMES = 128
_MAX_HOP_S = 0.02


def image_spec(rate_hz: int, longest_s: float, *, fmin_hz: float = 0.0, fmax_hz: float | None = None) -> FeatureSpec:
    """Return the spec of images that hold a window of ``longest_s``: 64 mel bands, 128 frames or more.

    Frames of about 32 ms do not resolve the pitch of a voice. The hop is at most 20 ms, so that ticks and crackles are
    visible; images of more than 2.6 s have more frames.

    Parameters
    ----------
    rate_hz : int
        Sample rate.
    longest_s : float
        Duration of an image in seconds.
    fmin_hz, fmax_hz : float
        Band of the mel bands; half of the rate for None.
    """
    hop = max(1, round(min(longest_s / _N_FRAMES, _MAX_HOP_S) * rate_hz))
    n_fft = max(256, 1 << round(math.log2(0.032 * rate_hz)), 1 << math.ceil(math.log2(hop)))
    window_s = max(longest_s, n_fft / rate_hz)
    return FeatureSpec(
        rate_hz=rate_hz,
        n_fft=n_fft,
        hop=min(hop, n_fft),
        n_mels=min(64, n_fft // 8),
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
        window_s=window_s,
        features=("mel",),
    )


class Image:
    """The log-mel image of a window, flat, band after band.

    A window shorter than the spec's is centred in silence; of a longer one, the loudest part is used.

    Parameters
    ----------
    spec : FeatureSpec
        With ``window_s``, the duration of every image.

    Raises
    ------
    UsageError : a spec without ``window_s``
    """

    name = "image"

    def __init__(self, spec: FeatureSpec) -> None:
        if spec.window_samples is None:
            raise UsageError("`window_s` must be set in the spec of images: all of them have one size.")
        self.spec = spec
        self.shape = spec.n_mels, spec.n_frames(spec.window_samples)
        self.columns = tuple(
            f"mel{band:02d}_frame{frame:03d}" for band in range(self.shape[0]) for frame in range(self.shape[1])
        )
        self._pipeline = FeaturePipeline(spec)
        self._n_samples = spec.window_samples

    def __repr__(self) -> str:
        return f"Image({self.shape[0]} bands, {self.shape[1]} frames)"

    def __reduce__(self) -> tuple[type["Image"], tuple[FeatureSpec]]:
        return Image, (self.spec,)

    def fingerprint(self) -> str:
        """Return the fingerprint of the spec."""
        return self.spec.fingerprint()

    def row(self, samples: ArrayLike, rate_hz: int) -> NDArray[np.float32]:
        """Return the image of one window, in dB: float32, shape (bands * frames,).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ 1
        rate_hz : int
        Sample rate; samples are resampled to that of the spec.

        Raises
        ------
        FeatureError : not one channel, or a sample that is not finite
        """
        sound = np.ascontiguousarray(samples, np.float32)
        if sound.ndim != 1 or sound.size == 0:
            raise FeatureError(f"A window must be one channel of samples. Got shape {sound.shape}.")
        if rate_hz != self.spec.rate_hz:
            sound = soxr.resample(sound, rate_hz, self.spec.rate_hz, quality="HQ")
        return self._pipeline.image(_loudest(sound, self._n_samples, self.spec.hop)).ravel()


def _loudest(sound: NDArray[np.float32], length: int, hop: int) -> NDArray[np.float32]:
    """Return the part with the most energy, among those that begin at a frame."""
    if sound.size <= length:
        return sound
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    starts = np.arange(0, sound.size - length + 1, hop)
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return sound[start : start + length]
