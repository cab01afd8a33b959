"""AudioFeatures: a scikit-learn transformer from recordings to feature rows."""

import os
from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from auricle.audio.clip import Clip
from auricle.audio.decode import open_sound, read
from auricle.audio.resample import resample
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, default_spec
from auricle.inspection.sample_rate import MAX_RATE_HZ
from auricle.runtime.compute import parallel_map

__all__ = ["AudioFeatures"]


Recordings: TypeAlias = Sequence[str | os.PathLike[str] | Clip] | NDArray[Any]


class AudioFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn recordings into one row each, as training does.

    Parameters
    ----------
    spec : FeatureSpec or None
        Features; None takes the default for the lowest sample rate in ``fit``, at most 22,050 Hz. Its ``window_s`` is
        ignored: a recording is one window.
    rate_hz : int
        Sample rate of float arrays; paths and clips have their own.
    workers : int or None
        Threads; None uses every core.

    Attributes
    ----------
    spec_ : FeatureSpec
        The spec in use.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(AudioFeatures(), RandomForestClassifier())
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (2, 8000)).astype(np.float32)
    >>> AudioFeatures(rate_hz=8000).fit_transform(noise).shape
    (2, 1973)
    """

    def __init__(self, spec: FeatureSpec | None = None, *, rate_hz: int = 22_050, workers: int | None = None) -> None:
        self.spec = spec
        self.rate_hz = rate_hz
        self.workers = workers

    def fit(self, X: Recordings, y: object = None) -> Self:  # noqa: ARG002  (scikit-learn's signature)
        """Choose the spec.

        Parameters
        ----------
        X : sequence of path or Clip, or float32, shape (n, n_samples), at ``rate_hz``
        """
        if _is_array(X):
            X = self._samples(X, reset=True)
        spec = self.spec
        if spec is None:
            rates_hz = [self.rate_hz] if isinstance(X, np.ndarray) else [_rate_hz(recording) for recording in X]
            spec = default_spec(min(*rates_hz, MAX_RATE_HZ))
        self.spec_ = spec.model_copy(update={"window_s": None, "window_hop_s": None})
        return self

    def transform(self, X: Recordings) -> NDArray[np.float32]:
        """Return one row a recording, float32, shape (n, n_columns).

        An array of fewer samples than one frame is padded with silence on both sides to one frame, since all its rows
        are that short; a file or clip shorter than one frame is refused.

        Raises
        ------
        AudioError : a file that cannot be read
        FeatureError : a file or clip of less than one frame
        """
        check_is_fitted(self)
        extractor = Extractor(self.spec_)

        def row(recording: Any) -> NDArray[np.float32]:
            clip = recording if isinstance(recording, Clip) else read(recording, rate_hz=self.spec_.rate_hz)
            return extractor.row(resample(clip, self.spec_.rate_hz).samples)

        if _is_array(X):
            samples = self._samples(X, reset=False)
            missing = max(0, int(np.ceil(self.spec_.n_fft * self.rate_hz / self.spec_.rate_hz)) - samples.shape[1])
            padded = np.pad(samples, ((0, 0), (missing // 2, missing - missing // 2)))
            X = [Clip(samples, self.rate_hz, source=f"row {index}") for index, samples in enumerate(padded)]
        rows = list(parallel_map(row, X, workers=self.workers))
        return np.stack(rows) if rows else np.empty((0, len(extractor.columns)), np.float32)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the columns' names: ``mfcc03_mean``, ``mel12_std_part2``."""
        check_is_fitted(self)
        return np.array(self.spec_.columns, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _samples(self, X: Any, *, reset: bool) -> NDArray[np.float32]:
        least = 2 if reset else 1  # after `fit`, the number must be the same as in it
        samples: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, reset=reset, ensure_min_features=least)
        return samples


def _is_array(X: Any) -> bool:
    """Whether ``X`` is no sequence of paths or clips: samples, or an object for scikit-learn's checks to refuse."""
    if isinstance(X, np.ndarray) and X.ndim != 1:
        return True
    if not isinstance(X, Sequence | np.ndarray) or isinstance(X, str):
        return True
    return not all(isinstance(recording, str | os.PathLike | Clip) for recording in X)


def _rate_hz(recording: Any) -> int:
    if isinstance(recording, Clip):
        return recording.rate_hz
    with open_sound(recording) as sound:
        return sound.rate_hz
