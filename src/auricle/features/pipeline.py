"""`FeaturePipeline`: from recordings to windows, and from a window to its rows or its image, everywhere alike."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.audio.clip import Clip, Samples
from auricle.audio.resample import resample
from auricle.audio.windows import Window, cut
from auricle.errors import FeatureError, UsageError
from auricle.features.analysis import Plan, plan_for, plan_of, values_of
from auricle.features.pooling import Pooling
from auricle.features.spec import FeatureSpec
from auricle.runtime.compute import parallel_map

__all__ = ["IMAGE", "POOLED", "FeatureBlock", "FeaturePipeline", "Numbers"]

Numbers = NDArray[np.float32]

POOLED: Final = "pooled"
"""The block of a row that holds the columns of a :class:`~auricle.features.spec.FeatureSpec`."""

IMAGE: Final = "image"
"""The block of a row that is a flat log-mel image."""

_FRAME_SETTINGS = ("rate_hz", "n_fft", "hop", "n_mels", "fmin_hz", "fmax_hz", "mel_scale")
"""Settings that determine the frame values; the others select and pool them."""


class FeatureBlock(Protocol):
    """Some columns of a row beside the pooled ones: an embedding, an image."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the block, in bundles and on the command line."""

    def fingerprint(self) -> str:
        """Return the SHA-256 of all that the numbers depend on."""

    def row(self, samples: ArrayLike, rate_hz: int) -> Numbers:
        """Return the numbers of one window, float32, shape (len(columns),)."""


class FeaturePipeline:
    """Cuts sound into windows, and computes the rows of each: in training, prediction, streams and exports alike.

    Cheap to make, safe to share between threads, and sent to other processes by its settings.

    Parameters
    ----------
    spec : FeatureSpec
        The rate, the windows, and the pooled columns.
    blocks : sequence of FeatureBlock or "pooled"
        What the model's row consists of, end to end; ``"pooled"`` stands for the columns of ``spec``.
    standard : FeatureSpec, optional
        What the standard row consists of, which novelty and monitoring read.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns of the model's row.
    blocks : tuple of FeatureBlock or "pooled"
    block_names : tuple of str

    Raises
    ------
    UsageError : no block, or two of one name
    """

    def __init__(
        self,
        spec: FeatureSpec,
        blocks: Sequence[FeatureBlock | Literal["pooled"]] = (POOLED,),
        *,
        standard: FeatureSpec | None = None,
    ) -> None:
        self.spec, self.standard = spec, standard
        self.blocks = tuple(blocks)
        self.block_names = tuple(block if isinstance(block, str) else block.name for block in self.blocks)
        if not self.blocks or len(set(self.block_names)) < len(self.blocks):
            raise UsageError(f"`blocks` must be at least one, each of another name. Got {list(self.block_names)}.")
        columns = (spec.columns if isinstance(block, str) else block.columns for block in self.blocks)
        self.columns = tuple(chain.from_iterable(columns))
        self._pooled = _plan(spec)
        self._standard = None if standard is None else _plan(standard)
        self._shared: tuple[Plan, list[Pooling]] | None = None
        self._within: NDArray[np.int64] | None = None
        if standard is not None and all(getattr(spec, name) == getattr(standard, name) for name in _FRAME_SETTINGS):
            self._shared = _plan(spec, standard)  # both see the same frames, which are analysed once
            indices = {name: index for index, name in enumerate(spec.columns)}
            if indices.keys() >= set(standard.columns):
                self._within = np.array([indices[name] for name in standard.columns])

    def __repr__(self) -> str:
        return f"FeaturePipeline({'+'.join(self.block_names)}, {len(self.columns)} columns)"

    def __reduce__(self) -> tuple[Callable[..., "FeaturePipeline"], tuple[object, ...]]:
        # another process makes its own tables
        return partial(FeaturePipeline, standard=self.standard), (self.spec, self.blocks)

    def first_column(self, name: str) -> int:
        """Return the index of a block's first column in the model's row."""
        before = self.blocks[: self.block_names.index(name)]
        return sum(len(self.spec.columns if isinstance(block, str) else block.columns) for block in before)

    def row(self, samples: ArrayLike) -> Numbers:
        """Return the model's row of one window: float32, shape (len(columns),).

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ ``spec.n_fft``, at ``spec.rate_hz``

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than a block needs
        ModelError : an embedding's graph fails
        """
        return self._joined(samples, lambda: _pooled_rows(samples, *self._pooled)[0])

    def standard_row(self, samples: ArrayLike) -> Numbers:
        """Return the standard row of one window: float32, shape (len(standard.columns),). Raises as `row`."""
        assert self._standard is not None  # noqa: S101  (asked of pipelines that have one)
        return _pooled_rows(samples, *self._standard)[0]

    def both_rows(self, samples: ArrayLike) -> tuple[Numbers, Numbers]:
        """Return the model's row and the standard row of one window, the same bits as each alone. Raises as `row`."""
        if POOLED not in self.block_names:
            return self.row(samples), self.standard_row(samples)
        pooled, standard = self._pooled_and_standard(samples)
        return self._joined(samples, lambda: pooled), standard

    def image(self, samples: ArrayLike) -> Numbers:
        """Return the log-mel image of one window: float32, shape (n_mels, n_frames), in dB.

        A window shorter than the spec's is centred in silence of that length.

        Raises
        ------
        FeatureError : a sample is not finite, or fewer samples than one frame
        """
        missing = (self.spec.window_samples or 0) - np.size(samples)
        if missing > 0 and np.ndim(samples) == 1:
            samples = np.pad(samples, (missing // 2, missing - missing // 2))
        values, n_frames = values_of(samples, plan_of(self.spec, ("mel",)))
        return values[:, :n_frames].copy()

    def windows(self, clip: Clip) -> list[Window]:
        """Return the windows of one clip, resampled to ``spec.rate_hz`` where it has another rate."""
        return cut(resample(clip, self.spec.rate_hz), self.spec.window_samples, self.spec.window_hop_samples)

    def rows(self, clips: Iterable[Clip], *, workers: int | None = None) -> Numbers:
        """Return the model's rows of every window of every clip, in order: float32, shape (n_windows, len(columns)).

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

    def _joined(self, samples: ArrayLike, pooled: Callable[[], Numbers]) -> Numbers:
        """Return the blocks of one window end to end."""
        rate_hz = self.spec.rate_hz
        rows = [pooled() if isinstance(block, str) else block.row(samples, rate_hz) for block in self.blocks]
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    def _pooled_and_standard(self, samples: ArrayLike) -> tuple[Numbers, Numbers]:
        if self._shared is None:
            return _pooled_rows(samples, *self._pooled)[0], self.standard_row(samples)
        plan, poolings = self._shared
        values, n_frames = values_of(samples, plan)
        of_row, of_standard = (pooling.frames(values, n_frames) for pooling in poolings)
        row = poolings[0].row(values, of_row)
        if self._within is not None and of_row == of_standard:
            return row, row[self._within]  # the same numbers of the same frames
        return row, poolings[1].row(values, of_standard)

    def _each(self, compute: Callable[[Samples], Numbers], clips: Iterable[Clip], workers: int | None) -> list[Numbers]:
        def of_clip(clip: Clip) -> list[Numbers]:
            try:
                return [compute(window.samples) for window in self.windows(clip)]
            except FeatureError as error:
                raise FeatureError(f"{clip.source}: {error}") from None

        return [row for rows in parallel_map(of_clip, clips, workers=workers) for row in rows]


def _plan(*specs: FeatureSpec) -> tuple[Plan, list[Pooling]]:
    """Return the plan of one analysis for specs with the same frame settings, and the pooling of each."""
    plan = plan_for(*specs)
    return plan, [Pooling(spec, plan) for spec in specs]


def _pooled_rows(samples: ArrayLike, plan: Plan, poolings: Sequence[Pooling]) -> list[Numbers]:
    values, n_frames = values_of(samples, plan)
    return [pooling.row(values, pooling.frames(values, n_frames)) for pooling in poolings]
