"""The CNN as scikit-learn estimators: flat images in, classes or numbers out; torch is imported when one is fitted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from auricle.errors import ModelError, UsageError
from auricle.models.cnn.device import chosen_device, need_torch
from auricle.models.cnn.linear_head import fit_linear_head, statistics
from auricle.models.cnn.settings import SIZES, Augmentation, Epoch, Settings

if TYPE_CHECKING:
    from auricle.models.cnn.training import Images, Weights

__all__ = ["CnnClassifier", "CnnRegressor"]

_MOST_SEEDS = 1000
_SEEN = 40_000
_TRIED = 64  # images, to tell what a fit would cost


class _Cnn(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: settings, the split that training is watched on, and the networks themselves."""

    _default_augmentation = Augmentation()
    _most_epochs = 100

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        size: str = "small",
        epochs: int | None = None,
        batch: int = 16,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        dropout: float = 0.3,
        label_smoothing: float = 0.1,
        averaging: float = 0.99,
        n_networks: int = 1,
        validation: float = 0.0,
        patience: int = 10,
        augmentation: Augmentation | None = None,
        class_weight: Literal["balanced"] | None = None,
        background: NDArray[np.float32] | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        checkpoints: str | Path | None = None,
        progress: Callable[[Epoch], None] | None = None,
        seed: int = 0,
    ) -> None:
        self.shape = shape
        self.size = size
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.n_networks = n_networks
        self.validation = validation
        self.patience = patience
        self.augmentation = augmentation
        self.class_weight = class_weight
        self.background = background
        self.device = device
        self.checkpoints = checkpoints
        self.progress = progress
        self.seed = seed

    def _train(
        self,
        X: NDArray[np.float32],
        targets: NDArray[np.float32],
        sample_weight: NDArray[Any] | None,
        groups: ArrayLike | None,
    ) -> Self:
        """Fit the networks on flat images and what each of their outputs should be, shape (n, n_outputs)."""
        images = self._images(X)
        need_torch()
        if self.n_networks < 1:
            raise UsageError(f"`n_networks` must be at least 1. Got {self.n_networks}.")
        from auricle.models.cnn.checkpoint import Checkpoint, name_of
        from auricle.models.cnn.training import Images, train

        weights = _mean_one(sample_weight, len(X)).astype(np.float32)
        learned, held_out = self._split(Images(images, targets, weights), groups)
        epochs = self._epochs(len(learned.images))
        settings = [self._settings(epochs, self.seed * _MOST_SEEDS + index) for index in range(self.n_networks)]
        background = None if self.background is None else self._images(self.background)
        kept: list[Checkpoint | None] = [None] * self.n_networks
        if self.checkpoints is not None:
            folder = Path(self.checkpoints)
            kept = [Checkpoint(folder, name_of(one, learned, held_out, background)) for one in settings]
        self.weights_: list[Weights] = [
            train(learned, held_out, one, background=background, checkpoint=checkpoint, progress=self.progress)
            for one, checkpoint in zip(settings, kept, strict=True)
        ]
        self.n_outputs_ = targets.shape[1]
        return self

    def estimate_fit_s(self, X: NDArray[Any]) -> float:
        """Return about how many seconds a fit to flat images ``X`` would take, by a pass over a few of them."""
        images = self._images(X)
        some = images[:_TRIED].reshape(min(_TRIED, len(X)), -1)
        trial = clone(self).set_params(epochs=1, n_networks=1, validation=0.0, checkpoints=None, background=None)
        for _ in range(2):  # the first one warms up
            started = time.perf_counter()
            trial.fit(some, np.arange(len(some)) % 2)
        return (time.perf_counter() - started) * len(X) / len(some) * self._epochs(len(X)) * self.n_networks

    def _epochs(self, n_images: int) -> int:
        """Return how often to go over images: few of them are seen more often, where nobody says."""
        return min(self._most_epochs, max(20, round(_SEEN / n_images))) if self.epochs is None else self.epochs

    def _settings(self, epochs: int, seed: int) -> Settings:
        if self.size not in SIZES:
            raise UsageError(f"`size` must be among {', '.join(SIZES)}. Got {self.size!r}.")
        counts = {"epochs": epochs, "batch": self.batch, "patience": self.patience}
        for name, count in counts.items():
            if count < 1:
                raise UsageError(f"`{name}` must be at least 1. Got {count}.")
        return Settings(
            size=SIZES[self.size],
            epochs=epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            label_smoothing=self.label_smoothing,
            averaging=self.averaging,
            patience=self.patience,
            augmentation=self.augmentation or self._default_augmentation,
            device=chosen_device(self.device),
            seed=seed,
        )

    def _split(self, every: "Images", groups: ArrayLike | None) -> "tuple[Images, Images | None]":
        """Hold whole groups out, where images to watch the training on are asked for."""
        from auricle.models.cnn.training import Images

        if not 0 <= self.validation < 1:
            raise UsageError(f"`validation` must be at least 0 and below 1. Got {self.validation:g}.")
        if not self.validation:
            return every, None
        owners = np.arange(len(every.images)) if groups is None else np.asarray(groups)
        if len(np.unique(owners)) < 2:
            raise ModelError("`validation` must hold a whole group out, and there is one group only. Set it to 0.")
        split = GroupShuffleSplit(1, test_size=self.validation, random_state=self.seed)
        parts = next(split.split(every.images, groups=owners))
        learned, held_out = (Images(every.images[at], every.targets[at], every.weights[at]) for at in parts)
        return learned, held_out

    def _images(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return flat images, shape (n, bands * frames), as images."""
        bands, frames = self.shape
        if X.shape[1:] != (bands * frames,):
            raise ModelError(
                f"Every image must have {bands} bands and {frames} frames ({bands * frames} columns). Got rows of "
                f"shape {X.shape[1:]}; give all images one size."
            )
        return np.ascontiguousarray(X, np.float32).reshape(len(X), bands, frames)

    def _answers(self, X: NDArray[Any]) -> list[NDArray[np.float64]]:
        """Return the outputs of each network, shape (n, n_outputs)."""
        check_is_fitted(self)
        need_torch()
        from auricle.models.cnn.training import answers, loaded

        images = self._images(validate_data(self, X, dtype=np.float32, reset=False))
        size = SIZES[self.size]
        return [
            answers(loaded(weights, size, self.shape[1]), images, "cpu").astype(np.float64) for weights in self.weights_
        ]


class CnnClassifier(ClassifierMixin, _Cnn):  # type: ignore[misc]
    """Residual network over log-mel images, for classes.

    Parameters
    ----------
    shape : bands and frames of an image; ``X`` holds them flat, band after band, in dB
    size : "tiny" or "small" for CPU cores; "medium" or "large" for a GPU
    epochs, batch, learning_rate, weight_decay, dropout, label_smoothing, averaging : see
        :class:`~auricle.models.cnn.settings.Settings`; ``epochs`` None shows the network about 40,000 images, in 20
        to 100 passes
    n_networks : networks, each from another seed, whose answers are averaged
    validation : part of the groups that is held out and watched: training then stops early, and the best epoch answers;
        0 learns from all, for all epochs, and the last one answers
    patience : epochs without a better score before training stops
    augmentation : how far images are changed while training; None for the defaults
    class_weight : "balanced" makes every class weigh the same
    background : flat images, shape (m, bands * frames), of sound that may lie under any other: the user's own
    device : "auto" takes a GPU where there is one
    checkpoints : folder where training is kept every ten seconds, so that it goes on after a kill; a finished network
        stays there, and is not trained again. None keeps none
    progress : called after each epoch with its number, loss, score and seconds
    seed : the same seed gives the same network, on one thread of one machine

    Attributes
    ----------
    classes_ : labels, in the order of the probabilities
    weights_ : one dictionary of arrays a network

    Raises
    ------
    UsageError : a setting out of its range, torch is not installed, or no GPU where one is asked for
    ModelError : images of another size, or a loss that is no number from the start
    """

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit on flat images ``X``, shape (n, bands * frames).

        Parameters
        ----------
        groups : what recording (speaker, machine) each image is of, shape (n,); ``validation`` holds whole ones out
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ModelError(f"A classifier needs at least two classes. Got {self.classes_.tolist()}.")
        targets = np.eye(len(self.classes_), dtype=np.float32)[index]
        if self.class_weight == "balanced":
            given = 1.0 if sample_weight is None else np.asarray(sample_weight, np.float64)
            sample_weight = given / np.bincount(index, sample_weight)[index]
        return self._train(X, targets, sample_weight, groups)

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probabilities of the classes, shape (n, n_classes): the mean of the networks'."""
        return np.asarray(np.mean([softmax(given, axis=1) for given in self._answers(X)], axis=0))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable classes, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class CnnRegressor(RegressorMixin, _Cnn):  # type: ignore[misc]
    """Residual network over log-mel images, for numbers; parameters and errors as :class:`CnnClassifier`'s.

    A ridge regression on each band's mean and deviation answers first, and the network learns what that leaves: alone,
    it answers the few numbers it was taught for whatever lies between and beyond them. By default neither pitch nor
    tempo is changed while training, and the bands' levels hardly: numbers (a speed, a size) often hang on them; and
    there are at most 40 passes, since what is left is little, and soon known by heart.

    Attributes
    ----------
    line_ : the ridge regression
    deviation_ : of what it leaves, in which the networks answer
    """

    _default_augmentation = Augmentation(stretch=0.0, warp=0.0, transpose=0.0, gain_db=1.0, equalize_db=1.0)
    _most_epochs = 40

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit on flat images ``X``, shape (n, bands * frames), and numbers ``y``, shape (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True)
        numbers, found = np.asarray(y, np.float64), statistics(self._images(X))
        self.line_ = fit_linear_head(found, numbers, _mean_one(sample_weight, len(X)))
        rest = numbers - self.line_.answers(found)
        self.deviation_ = float(np.std(rest)) or 1.0
        return self._train(X, np.asarray(rest / self.deviation_, np.float32)[:, np.newaxis], sample_weight, groups)

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the numbers, shape (n,)."""
        rest = np.mean(self._answers(X), axis=0)[:, 0] * self.deviation_
        return np.asarray(rest + self.line_.answers(statistics(self._images(np.asarray(X, np.float32)))))


def _mean_one(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    given = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    return np.asarray(given / given.mean())
