"""Occlusion maps: the part of a prediction that is lost where regions of the spectrogram are hidden.

Only predictions are needed, so that any model can be explained, whatever its input (rows, images, embeddings).

Source: Zeiler and Fergus (2014), "Visualizing and understanding convolutional networks".
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auricle.errors import FeatureError, UsageError
from auricle.features.filters import hann, mel_filters
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import stft

__all__ = ["explain_image", "explain_sound"]

Numbers = NDArray[np.float32]
Predict = Callable[[Numbers], NDArray[np.floating[Any]] | float]

PARTS: Final = (6, 12)
"""Rectangles over bands and over frames, before overlap: 253 predictions in all."""

_REMAINING = 10.0 ** (-30.0 / 20.0)  # of the occluded amplitude: no microphone records digital silence


def explain_image(predict: Predict, image: Numbers, *, parts: tuple[int, int] = PARTS) -> Numbers:
    """Return the occlusion map of an image: how much each point supports the model's prediction.

    Rectangles that overlap by half are filled with the quiet level of their bands, at least 30 dB below the mean; the
    loss of the score is averaged over them.

    Parameters
    ----------
    predict : callable
        Maps an image, float32, shape (bands, frames), to one number, or to the scores of classes; of these, the highest
        of the whole image is explained.
    image : float32, shape (bands, frames), in dB
    parts : (int, int)
        Number of rectangles over bands and over frames.

    Returns
    -------
    float32, shape (bands, frames)
        Loss of the score, in its own unit; negative where the sound spoke against the prediction.

    Raises
    ------
    FeatureError : not an image
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or image.size == 0:
        raise FeatureError(f"An image must have bands and frames. Got shape {image.shape}.")
    # A steady sound is never quiet by itself.
    quiet = np.minimum(np.percentile(image, 10, axis=1), image.mean(axis=1) + 20 * np.log10(_REMAINING))[:, np.newaxis]

    def occlude(bands: slice, frames: slice) -> Numbers:
        covered = image.copy()
        covered[bands, frames] = np.minimum(covered[bands, frames], quiet[bands])
        return covered

    return _occlusion_map(predict, image, occlude, image.shape, parts)


def explain_sound(predict: Predict, samples: Numbers, spec: FeatureSpec, *, parts: tuple[int, int] = PARTS) -> Numbers:
    """Return the occlusion map of a sound: how much each point of its log-mel image supports the prediction.

    Rectangles of the spectrogram that overlap by half are attenuated by 30 dB in the samples; the loss of the score is
    averaged over them.

    Parameters
    ----------
    predict : callable
        Maps samples, float32, shape (n,), to one number, or to the scores of classes; of these, the highest of the
        whole sound is explained.
    samples : float32, shape (n,), at least one frame
    spec : FeatureSpec
        Of the image; neighbouring frames overlap by at least three quarters.
    parts : (int, int)
        Number of rectangles over bands and over frames.

    Returns
    -------
    float32, shape (n_mels, n_frames)
        Loss of the score, in its own unit; negative where the sound spoke against the prediction.

    Raises
    ------
    UsageError : frames that share less
    FeatureError : fewer samples than one frame, or a sample that is not finite
    """
    if spec.n_fft % spec.hop or spec.n_fft < 4 * spec.hop:
        raise UsageError(f"`hop` must divide `n_fft` ({spec.n_fft}) into four parts at least. Got {spec.hop}.")
    samples = np.asarray(samples, np.float32)
    spectrum = stft(samples, spec)
    band_of = mel_filters(spec).argmax(axis=0)
    window = hann(spec.n_fft)
    scale = (1.0 - _REMAINING) / (np.square(window).sum() / spec.hop)

    def occlude(bands: slice, frames: slice) -> Numbers:
        inside = (band_of >= bands.start) & (band_of < bands.stop)
        pieces = np.fft.irfft(np.where(inside, spectrum[frames], 0), axis=1) * window * scale
        quieter = samples.astype(np.float64)
        for index, piece in enumerate(pieces):
            start = (frames.start + index) * spec.hop
            quieter[start : start + spec.n_fft] -= piece
        return quieter.astype(np.float32)

    return _occlusion_map(predict, samples, occlude, (spec.n_mels, len(spectrum)), parts)


def _occlusion_map(
    predict: Predict,
    whole: Numbers,
    occlude: Callable[[slice, slice], Numbers],
    shape: tuple[int, ...],
    parts: tuple[int, int],
) -> Numbers:
    """Predict the whole and each occluded version; return the mean loss of the score at each point."""
    scores = np.atleast_1d(np.asarray(predict(whole), np.float64)).ravel()
    target = int(np.argmax(scores)) if scores.size > 1 else 0
    loss, count = np.zeros(shape), np.zeros(shape)
    for bands in _overlapping_slices(shape[0], parts[0]):
        for frames in _overlapping_slices(shape[1], parts[1]):
            occluded = np.atleast_1d(np.asarray(predict(occlude(bands, frames)), np.float64)).ravel()
            loss[bands, frames] += scores[target] - occluded[target]
            count[bands, frames] += 1
    return (loss / count).astype(np.float32)


def _overlapping_slices(length: int, parts: int) -> list[slice]:
    """Return slices that cover ``length``, each overlapping the next by half."""
    wide = max(1, -(-length // parts))
    step = max(1, wide // 2)
    starts = [*range(0, max(1, length - wide), step), max(0, length - wide)]
    return [slice(start, min(start + wide, length)) for start in starts]
