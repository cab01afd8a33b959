"""AudioFeatures: a scikit-learn transformer from recordings to feature rows."""

import os
from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from auricle.audio.clip import Clip, check_floating
from auricle.audio.decode import open_sound, read
from auricle.audio.resample import resample
from auricle.errors import UsageError
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, default_spec
from auricle.inspection.sample_rate import MAX_RATE_HZ
from auricle.runtime.compute import parallel_map

__all__ = ["AudioFeatures"]


Recordings: TypeAlias = Sequence[str | os.PathLike[str] | Clip | NDArray[Any]] | NDArray[Any]
"""Or a pandas or Polars series, or a frame of one column, of these."""


class AudioFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn recordings into one row each, as training does.

    Parameters
    ----------
    spec : FeatureSpec or None
        Features; None takes the default for the lowest sample rate in ``fit``, at most 22,050 Hz. Its ``window_s`` is
        ignored: a recording is one window.
    rate_hz : int
        Sample rate of arrays; paths and clips have their own.
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
        X : sequence of path, Clip or float array, or float32, shape (n, n_samples), at ``rate_hz``
            A list, series, array or frame of one column. Arrays in it have one channel each, of any length.

        Raises
        ------
        UsageError : a recording that is none of these, no recordings, or a frame of several columns
        """
        recordings = _recordings(X, self.rate_hz)
        if recordings is None:
            self._samples(X, reset=True)
        elif not recordings:
            raise UsageError("`X` must hold at least one recording. It is empty.")
        spec = self.spec
        if spec is None:
            rates_hz = [self.rate_hz] if recordings is None else [_rate_hz(recording) for recording in recordings]
            spec = default_spec(min([*rates_hz, MAX_RATE_HZ]))
        self.spec_ = spec.model_copy(update={"window_s": None, "window_hop_s": None})
        return self

    def transform(self, X: Recordings) -> NDArray[np.float32]:
        """Return one row a recording, float32, shape (n, n_columns).

        An array of fewer samples than one frame is padded with silence on both sides to one frame, since all its rows
        are that short; a file, a clip, or an array of a list, shorter than one frame is refused.

        Raises
        ------
        UsageError : as of `fit`
        AudioError : a file that cannot be read
        FeatureError : a recording of less than one frame
        """
        check_is_fitted(self)
        extractor = Extractor(self.spec_)

        def row(recording: Any) -> NDArray[np.float32]:
            clip = recording if isinstance(recording, Clip) else read(recording, rate_hz=self.spec_.rate_hz)
            return extractor.row(resample(clip, self.spec_.rate_hz).samples)

        recordings = _recordings(X, self.rate_hz)
        if recordings is None:
            samples = self._samples(X, reset=False)
            missing = max(0, int(np.ceil(self.spec_.n_fft * self.rate_hz / self.spec_.rate_hz)) - samples.shape[1])
            padded = np.pad(samples, ((0, 0), (missing // 2, missing - missing // 2)))
            recordings = [Clip(samples, self.rate_hz, source=f"row {index}") for index, samples in enumerate(padded)]
        rows = list(parallel_map(row, recordings, workers=self.workers))
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
        if getattr(getattr(X, "dtype", None), "itemsize", 4) < 4:  # of sound; scikit-learn's own checks send int32
            check_floating(X, "X")
        least = 2 if reset else 1  # after `fit`, the number must be the same as in it
        samples: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, reset=reset, ensure_min_features=least)
        return samples


def _recordings(X: Any, rate_hz: int) -> list[Any] | None:
    """Return the paths and clips that ``X`` holds; None for a matrix of samples, which scikit-learn checks.

    Raises
    ------
    UsageError
        One recording in place of several, a frame of several columns, or an element that is no recording.
    """
    is_sequence = isinstance(X, Sequence) and not isinstance(X, str | bytes | bytearray)
    if not is_sequence and not hasattr(X, "shape") and not hasattr(X, "__array__"):
        raise UsageError(
            f"`X` must be a list, series, array or one-column frame of recordings. Got {type(X).__name__}. "
            "Put a single recording into a list."
        )
    values = X.to_numpy() if hasattr(X, "to_numpy") else X
    if isinstance(values, np.ndarray):
        is_numeric = values.dtype.kind in "biufc"
        if hasattr(X, "columns") and values.ndim == 2 and values.shape[1] != 1 and not is_numeric:
            names = ", ".join(repr(str(name)) for name in X.columns)
            raise UsageError(
                f"`X` must be one column of recordings. Got a frame of {names}. Select the column of files."
            )
        if is_numeric or values.ndim == 0 or (values.ndim > 1 and values.shape[1:] != (1,)):
            return None
        values = values.reshape(-1).tolist()
    if not isinstance(values, Sequence):
        return None
    rows = [
        row[0] if isinstance(row, list | tuple) and len(row) == 1 and _is_recording(row[0]) else row for row in values
    ]
    if rows and not any(_is_recording(row) for row in rows) and not _is_listing(X):
        return None
    return [_recording(row, number, rate_hz) for number, row in enumerate(rows)]


def _is_recording(row: object) -> bool:
    return isinstance(row, str | os.PathLike | Clip) or getattr(row, "ndim", 0) == 1


def _is_listing(X: Any) -> bool:
    """Whether ``X`` is a series or list that holds no numbers, so that its first element explains what is wrong."""
    return hasattr(X, "to_numpy") or not all(
        isinstance(row, Sequence | float | int) or hasattr(row, "ndim") for row in X
    )


def _recording(row: Any, number: int, rate_hz: int) -> Any:
    if isinstance(row, str | os.PathLike | Clip):
        return row
    if getattr(row, "ndim", None) == 1:
        samples = np.asarray(row)
        return Clip(samples, rate_hz, source=f"row {number}")
    raise UsageError(
        f"row {number}: a recording must be a path, a Clip, or one channel of floating-point samples. "
        f"Got {type(row).__name__}. Remove the row, or name its file."
    )


def _rate_hz(recording: Any) -> int:
    if isinstance(recording, Clip):
        return recording.rate_hz
    with open_sound(recording) as sound:
        return sound.rate_hz
