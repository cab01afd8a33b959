"""What a model listened to: parts of a sound are hidden, one after the other, and the answer is watched.

Nothing but answers is needed, so whatever the model eats (rows, images, embeddings), and whatever trained it, it can be
explained.

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
Answer = Callable[[Numbers], NDArray[np.floating[Any]] | float]

PARTS: Final = (6, 12)
"""Rectangles over bands and over frames, before overlap: 253 answers in all."""

_LEFT = 10.0 ** (-30.0 / 20.0)  # of what is hidden; nothing at all would be a sound that no microphone makes


def explain_image(answer: Answer, image: Numbers, *, parts: tuple[int, int] = PARTS) -> Numbers:
    """Return how much each point of an image speaks for the model's answer.

    Rectangles, each overlapping the next by half, are filled with the quiet of their own bands, 30 dB below the mean or
    less; what the answer loses is spread over them.

    Parameters
    ----------
    answer : what is asked: an image, float32, shape (bands, frames), to one number, or to the scores of classes, of
        which the image's own highest is watched
    image : float32, shape (bands, frames), in dB
    parts : rectangles over bands and over frames

    Returns
    -------
    float32, shape (bands, frames): what the answer loses, in its own unit; negative where the sound spoke against it

    Raises
    ------
    FeatureError : not an image
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or image.size == 0:
        raise FeatureError(f"An image must have bands and frames. Got shape {image.shape}.")
    # A steady sound is never quiet by itself.
    quiet = np.minimum(np.percentile(image, 10, axis=1), image.mean(axis=1) + 20 * np.log10(_LEFT))[:, np.newaxis]

    def hidden(bands: slice, frames: slice) -> Numbers:
        covered = image.copy()
        covered[bands, frames] = np.minimum(covered[bands, frames], quiet[bands])
        return covered

    return _watched(answer, image, hidden, image.shape, parts)


def explain_sound(answer: Answer, samples: Numbers, spec: FeatureSpec, *, parts: tuple[int, int] = PARTS) -> Numbers:
    """Return how much each point of a sound's log-mel image speaks for the model's answer.

    Rectangles of the spectrogram, each overlapping the next by half, are made 30 dB quieter in the sound itself; what
    the answer loses is spread over them.

    Parameters
    ----------
    answer : what is asked: samples, float32, shape (n,), to one number, or to the scores of classes, of which the
        sound's own highest is watched
    samples : float32, shape (n,), at least one frame
    spec : of the image; neighbouring frames share at least three quarters
    parts : rectangles over bands and over frames

    Returns
    -------
    float32, shape (n_mels, n_frames): what the answer loses, in its own unit; negative where the sound spoke against it

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
    scale = (1.0 - _LEFT) / (np.square(window).sum() / spec.hop)

    def hidden(bands: slice, frames: slice) -> Numbers:
        inside = (band_of >= bands.start) & (band_of < bands.stop)
        pieces = np.fft.irfft(np.where(inside, spectrum[frames], 0), axis=1) * window * scale
        quieter = samples.astype(np.float64)
        for index, piece in enumerate(pieces):
            start = (frames.start + index) * spec.hop
            quieter[start : start + spec.n_fft] -= piece
        return quieter.astype(np.float32)

    return _watched(answer, samples, hidden, (spec.n_mels, len(spectrum)), parts)


def _watched(
    answer: Answer,
    whole: Numbers,
    hidden: Callable[[slice, slice], Numbers],
    shape: tuple[int, ...],
    parts: tuple[int, int],
) -> Numbers:
    """Ask about the whole and about each version of which a rectangle is hidden; return the mean loss at each point."""
    asked = np.atleast_1d(np.asarray(answer(whole), np.float64)).ravel()
    watched = int(np.argmax(asked)) if asked.size > 1 else 0
    lost, times = np.zeros(shape), np.zeros(shape)
    for bands in _stretches(shape[0], parts[0]):
        for frames in _stretches(shape[1], parts[1]):
            given = np.atleast_1d(np.asarray(answer(hidden(bands, frames)), np.float64)).ravel()
            lost[bands, frames] += asked[watched] - given[watched]
            times[bands, frames] += 1
    return (lost / times).astype(np.float32)


def _stretches(length: int, parts: int) -> list[slice]:
    """Return stretches that cover ``length``, each sharing half with the next."""
    wide = max(1, -(-length // parts))
    step = max(1, wide // 2)
    starts = [*range(0, max(1, length - wide), step), max(0, length - wide)]
    return [slice(start, min(start + wide, length)) for start in starts]
