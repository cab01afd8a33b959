"""What a model listened to: parts of an image are hidden, one after the other, and the answer is watched."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auricle.errors import FeatureError

__all__ = ["occlusion"]

Numbers = NDArray[np.float32]


def occlusion(
    answer: Callable[[Numbers], NDArray[np.floating]],
    image: Numbers,
    *,
    parts: tuple[int, int] = (8, 16),
) -> Numbers:
    """Return how much each point of an image speaks for the model's answer.

    Rectangles, each overlapping the next by half, are filled with the quiet of their own bands; what the answer loses
    is spread over them. Nothing but the answer is needed, so a saved bundle is explained without what trained it.

    Parameters
    ----------
    answer : what is asked: an image, float32, shape (bands, frames), to one number, or to the scores of classes, of
        which the image's own highest is watched
    image : float32, shape (bands, frames), in dB
    parts : rectangles over bands and over frames, before overlap

    Returns
    -------
    float32, shape (bands, frames): what the answer loses, in its own unit; negative where the sound spoke against it

    Raises
    ------
    FeatureError : not an image

    Source: Zeiler and Fergus (2014), "Visualizing and understanding convolutional networks".
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or image.size == 0:
        raise FeatureError(f"An image must have bands and frames. Got shape {image.shape}.")
    whole = np.atleast_1d(np.asarray(answer(image), np.float64)).ravel()
    watched = int(np.argmax(whole)) if whole.size > 1 else 0
    quiet = np.percentile(image, 10, axis=1, keepdims=True)
    lost, times = np.zeros(image.shape), np.zeros(image.shape)
    for bands in _stretches(image.shape[0], parts[0]):
        for frames in _stretches(image.shape[1], parts[1]):
            hidden = image.copy()
            hidden[bands, frames] = np.minimum(hidden[bands, frames], quiet[bands])
            given = np.atleast_1d(np.asarray(answer(hidden), np.float64)).ravel()
            lost[bands, frames] += whole[watched] - given[watched]
            times[bands, frames] += 1
    return (lost / times).astype(np.float32)


def _stretches(length: int, parts: int) -> list[slice]:
    """Return stretches that cover ``length``, each sharing half with the next."""
    wide = max(1, -(-length // parts))
    step = max(1, wide // 2)
    starts = [*range(0, max(1, length - wide), step), max(0, length - wide)]
    return [slice(start, start + wide) for start in starts]
