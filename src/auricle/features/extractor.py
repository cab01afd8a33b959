"""The extractor: the one place where a window becomes a row of numbers or an image."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.audio.clip import Clip
from auricle.audio.resample import resample
from auricle.audio.windows import Window, cut
from auricle.errors import FeatureError
from auricle.features.analysis import checked, values_of
from auricle.features.plan import plan_of
from auricle.features.pooling import pool, sounding
from auricle.features.spec import FeatureSpec

__all__ = ["Extractor"]


class Extractor:
    """Turns windows into rows or images, as one spec says; cheap to make, and safe to share between threads.

    Parameters
    ----------
    spec : what to compute
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.columns = spec.columns
        self._plan = plan_of(spec, spec.features)
        self._image_plan = plan_of(spec, ("mel",))

    def row(self, samples: ArrayLike) -> NDArray[np.float32]:
        """Return the row of one window: float32, shape (len(columns),).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ ``spec.n_fft``, at ``spec.rate_hz``

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        values, n_frames = values_of(samples, self._plan)
        frames = slice(0, n_frames)
        if self.spec.trim_db is not None:
            frames = sounding(values[self._plan.first_row["energy"], :n_frames], self.spec.trim_db)
        return pool(values[: self._plan.n_wanted], frames, self.spec)

    def image(self, samples: ArrayLike) -> NDArray[np.float32]:
        """Return the log-mel image of one window: float32, shape (n_mels, n_frames), in dB.

        A window shorter than the spec's is laid in the middle of silence of that length.

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        array = checked(samples, self.spec)
        missing = (self.spec.window_samples or 0) - array.size
        if missing > 0:
            array = np.pad(array, (missing // 2, missing - missing // 2))
        values, n_frames = values_of(array, self._image_plan)
        return values[:, :n_frames].copy()

    def windows(self, clip: Clip) -> list[Window]:
        """Return the windows of one clip, resampled to ``spec.rate_hz`` where it has another rate."""
        return cut(resample(clip, self.spec.rate_hz), self.spec.window_samples, self.spec.window_hop_samples)

    def rows(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """Return the rows of every window of every clip, in order: float32, shape (n_windows, len(columns))."""
        rows = [self.row(window.samples) for clip in clips for window in self.windows(clip)]
        return np.stack(rows) if rows else np.empty((0, len(self.columns)), np.float32)

    def images(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """Return the images of every window of every clip: float32, shape (n_windows, n_mels, n_frames).

        Raises
        ------
        FeatureError : windows of different lengths, because the spec has no ``window_s``
        """
        images = [self.image(window.samples) for clip in clips for window in self.windows(clip)]
        if len({image.shape for image in images}) > 1:
            raise FeatureError("Images must have one size, and the clips have several lengths. Set `window_s`.")
        return np.stack(images) if images else np.empty((0, self.spec.n_mels, 0), np.float32)
