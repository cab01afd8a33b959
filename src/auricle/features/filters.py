"""Analysis window, mel and chroma filter banks, cosine transform, and the bins of spectral contrast."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import UsageError
from auricle.features.columns import CONTRAST_FMIN_HZ, contrast_bands

__all__ = [
    "MelSettings",
    "chroma_filters",
    "contrast_bins",
    "cosine_transform",
    "empty_bands",
    "hann",
    "mel_bank",
    "mel_filters",
]

Matrix = NDArray[np.float64]
Scale = Literal["slaney", "htk"]

CONTRAST_QUANTILE = 0.02


class MelSettings(Protocol):
    """The settings of a :class:`~auricle.features.spec.FeatureSpec` that decide the mel bands."""

    @property
    def rate_hz(self) -> int: ...  # noqa: D102  (the spec documents its settings)
    @property
    def n_fft(self) -> int: ...  # noqa: D102
    @property
    def n_mels(self) -> int: ...  # noqa: D102
    @property
    def fmin_hz(self) -> float: ...  # noqa: D102
    @property
    def fmax_hz(self) -> float | None: ...  # noqa: D102
    @property
    def mel_scale(self) -> Scale: ...  # noqa: D102


def hann(n_fft: int) -> Matrix:
    """Return the periodic Hann window, shape (n_fft,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def mel_filters(spec: MelSettings) -> Matrix:
    """Return the mel filter bank, shape (n_mels, n_fft // 2 + 1).

    Triangles of equal area (Slaney's norm) on the scale that ``spec.mel_scale`` names.

    Source: Slaney, Auditory Toolbox (1998); Young et al., The HTK Book. Equals librosa.filters.mel.
    """
    return _mel_filters(
        rate_hz=spec.rate_hz,
        n_fft=spec.n_fft,
        n_mels=spec.n_mels,
        fmin_hz=spec.fmin_hz,
        fmax_hz=spec.rate_hz / 2 if spec.fmax_hz is None else spec.fmax_hz,
        scale=spec.mel_scale,
    )


@lru_cache(maxsize=32)
def _mel_filters(**bands: Any) -> Matrix:
    filters = mel_bank(**bands)
    filters.flags.writeable = False
    return filters


def mel_bank(
    *,
    rate_hz: int,
    n_fft: int,
    n_mels: int,
    fmin_hz: float,
    fmax_hz: float,
    scale: Scale,
    equal_area: bool = True,
    straight_in: Literal["hz", "mel"] = "hz",
) -> Matrix:
    """Return mel filters, shape (n_mels, n_fft // 2 + 1), with the conventions of librosa and of TensorFlow.

    Parameters
    ----------
    equal_area : bool
        Slaney's norm; False for triangles of height 1.
    straight_in : "hz" or "mel"
        Axis on which the triangles have straight sides: frequency (librosa, torchaudio) or the mel scale
        (TensorFlow's ``tf.signal.linear_to_mel_weight_matrix``).
    """
    to_mel, to_hz = _SCALES[scale]
    limits = to_mel(np.array([fmin_hz, fmax_hz]))
    edges_mel = np.linspace(limits[0], limits[1], n_mels + 2)
    edges_hz = to_hz(edges_mel)
    bins_hz = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    filters = _triangles(edges_hz, bins_hz) if straight_in == "hz" else _triangles(edges_mel, to_mel(bins_hz))
    return filters * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, np.newaxis] if equal_area else filters


def _triangles(edges: NDArray[Any], bins: NDArray[Any]) -> Matrix:
    """Return triangles from each edge to the next but one, of height 1, at the bins: shape (n_edges - 2, n_bins)."""
    width = np.diff(edges)[:, np.newaxis]
    ramps = edges[:, np.newaxis] - bins
    rising, falling = -ramps[:-2] / width[:-1], ramps[2:] / width[1:]
    triangles: Matrix = np.maximum(0.0, np.minimum(rising, falling))
    return triangles


def empty_bands(spec: MelSettings) -> list[int]:
    """Return the mel bands without a bin of the spectrum."""
    return [int(band) for band in np.flatnonzero(mel_filters(spec).max(axis=1) <= 0)]


def _slaney_mel(hz: Matrix) -> Matrix:
    # Linear below 1 kHz (200/3 Hz a mel), logarithmic above (27 mels for each factor of 6.4).
    return np.where(hz < 1000.0, hz * 3 / 200, 15.0 + np.log(np.maximum(hz, 1.0) / 1000.0) * (27.0 / np.log(6.4)))


def _slaney_hz(mel: Matrix) -> Matrix:
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * np.exp((mel - 15.0) * (np.log(6.4) / 27.0)))


def _htk_mel(hz: Matrix) -> Matrix:
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def _htk_hz(mel: Matrix) -> Matrix:
    hz: Matrix = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return hz


_Map = Callable[[NDArray[Any]], Matrix]
_SCALES: dict[Scale, tuple[_Map, _Map]] = {"slaney": (_slaney_mel, _slaney_hz), "htk": (_htk_mel, _htk_hz)}


def cosine_transform(n_mfcc: int, n_mels: int) -> Matrix:
    """Return the orthonormal DCT-II, shape (n_mfcc, n_mels): the map from log-mel bands to cepstrum."""
    order = np.arange(n_mfcc)[:, np.newaxis]
    basis: Matrix = np.cos(np.pi / n_mels * order * (np.arange(n_mels) + 0.5)) * np.sqrt(2.0 / n_mels)
    basis[0] /= np.sqrt(2.0)
    return basis


def chroma_filters(rate_hz: int, n_fft: int) -> Matrix:
    """Return the chroma filter bank, shape (12, n_fft // 2 + 1): row 0 is C, concert pitch (A4 = 440 Hz).

    Source: Ellis, Chroma feature analysis (2007). Equals librosa.filters.chroma with ``tuning=0``.
    """
    bins_hz = np.arange(1, n_fft) * (rate_hz / n_fft)
    pitch = 12 * np.log2(bins_hz / (440.0 / 16))
    pitch = np.concatenate(([pitch[0] - 18], pitch))  # 0 Hz: an octave and a half below the first bin
    width = np.concatenate((np.maximum(np.diff(pitch), 1.0), [1.0]))
    distance = np.remainder(pitch - np.arange(12)[:, np.newaxis] + 126, 12) - 6
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.linalg.norm(bumps, axis=0)
    bumps *= np.exp(-0.5 * ((pitch / 12 - 5.0) / 2.0) ** 2)
    return np.ascontiguousarray(np.roll(bumps, -3, axis=0)[:, : n_fft // 2 + 1])


def contrast_bins(rate_hz: int, n_fft: int) -> NDArray[np.int64]:
    """Return the octave bands of spectral contrast, shape (n_bands + 1, 3), as librosa divides the spectrum.

    A row is (first bin, bins, how many of them count as peaks and as valleys: 2%, at least 1).

    Raises
    ------
    UsageError : frames so short that a band holds no bin
    """
    n_bands = contrast_bands(rate_hz)
    edges_hz = np.concatenate(([0.0], CONTRAST_FMIN_HZ * 2.0 ** np.arange(n_bands + 1)))
    bins_hz = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    bands = []
    for band in range(n_bands + 1):
        inside = np.flatnonzero((bins_hz >= edges_hz[band]) & (bins_hz <= edges_hz[band + 1]))
        start, stop = (inside[0] - (band > 0), inside[-1] + 1) if inside.size else (0, 0)
        stop = bins_hz.size if band == n_bands else stop
        count = stop - start - (band < n_bands)
        if inside.size == 0 or count < 1:
            raise UsageError(
                f"Each octave band of `contrast` must hold a bin of the spectrum. The band from {edges_hz[band]:g} Hz "
                f"has none with `n_fft` {n_fft} at {rate_hz} Hz. Raise `n_fft` or leave `contrast` out."
            )
        bands.append((start, count, max(1, int(np.rint(CONTRAST_QUANTILE * (stop - start))))))
    return np.array(bands, np.int64)
