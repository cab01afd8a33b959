"""The extractor: the one place where a window becomes a row of numbers or an image."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.audio.clip import Clip, Samples
from auricle.audio.resample import resample
from auricle.audio.windows import Window, cut
from auricle.errors import FeatureError
from auricle.features.analysis import plan_for, plan_of, values_of
from auricle.features.pooling import Pooling
from auricle.features.spec import FeatureSpec
from auricle.runtime.compute import parallel_map

__all__ = ["Extractor", "Numbers"]

Numbers = NDArray[np.float32]


class Extractor:
    """Turns windows into rows or images, as one spec says; cheap to make, and safe to share between threads.

    Parameters
    ----------
    spec : what to compute
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.columns = spec.columns
        self._plan = plan_for(spec)
        self._pooling = Pooling(spec, self._plan)
        self._image_plan = plan_of(spec, ("mel",))

    def __repr__(self) -> str:
        return f"Extractor({self.spec!r})"

    def __reduce__(self) -> tuple[type["Extractor"], tuple[FeatureSpec]]:
        return Extractor, (self.spec,)  # another process makes its own tables

    def row(self, samples: ArrayLike) -> Numbers:
        """Return the row of one window: float32, shape (len(columns),).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ ``spec.n_fft``, at ``spec.rate_hz``

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        values, n_frames = values_of(samples, self._plan)
        return self._pooling.row(values, self._pooling.frames(values, n_frames))

    def image(self, samples: ArrayLike) -> Numbers:
        """Return the log-mel image of one window: float32, shape (n_mels, n_frames), in dB.

        A window shorter than the spec's is laid in the middle of silence of that length.

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        missing = (self.spec.window_samples or 0) - np.size(samples)
        if missing > 0 and np.ndim(samples) == 1:
            samples = np.pad(samples, (missing // 2, missing - missing // 2))
        values, n_frames = values_of(samples, self._image_plan)
        return values[:, :n_frames].copy()

    def windows(self, clip: Clip) -> list[Window]:
        """Return the windows of one clip, resampled to ``spec.rate_hz`` where it has another rate."""
        return cut(resample(clip, self.spec.rate_hz), self.spec.window_samples, self.spec.window_hop_samples)

    def rows(self, clips: Iterable[Clip], *, workers: int | None = None) -> Numbers:
        """Return the rows of every window of every clip, in order: float32, shape (n_windows, len(columns)).

        Parameters
        ----------
        workers : threads; None for every core

        Raises
        ------
        FeatureError : a clip shorter than one frame
        """
        rows = self._each(self.row, clips, workers)
        return np.stack(rows) if rows else np.empty((0, len(self.columns)), np.float32)

    def images(self, clips: Iterable[Clip], *, workers: int | None = None) -> Numbers:
        """Return the images of every window of every clip: float32, shape (n_windows, n_mels, n_frames).

        Parameters
        ----------
        workers : threads; None for every core

        Raises
        ------
        FeatureError : windows of different lengths, because the spec has no ``window_s``, or shorter than one frame
        """
        images = self._each(self.image, clips, workers)
        if len({image.shape for image in images}) > 1:
            raise FeatureError("Images must have one size, and the clips have several lengths. Set `window_s`.")
        return np.stack(images) if images else np.empty((0, self.spec.n_mels, 0), np.float32)

    def _each(
        self, describe: Callable[[Samples], Numbers], clips: Iterable[Clip], workers: int | None
    ) -> list[Numbers]:
        def of_clip(clip: Clip) -> list[Numbers]:
            try:
                return [describe(window.samples) for window in self.windows(clip)]
            except FeatureError as error:
                raise FeatureError(f"{clip.source}: {error}") from None

        return [one for described in parallel_map(of_clip, clips, workers=workers) for one in described]
