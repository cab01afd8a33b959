"""The CNN as scikit-learn classifier and regressor of images, with its epochs and patience; imports torch when used."""

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
from auricle.models.cnn.linear_head import band_statistics, fit_linear_head
from auricle.models.cnn.settings import SIZES, Augmentation, Epoch, Settings

if TYPE_CHECKING:
    from auricle.models.cnn.training import Images, Weights

__all__ = ["CnnClassifier", "CnnRegressor"]

_MAX_NETWORKS = 1000  # seeds of networks do not overlap
_N_IMAGES_SHOWN = 40_000  # by default, over all epochs
_N_TRIAL_IMAGES = 64  # to estimate the time of a fit


class _Cnn(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of both estimators: hyperparameters, validation split and networks."""

    _default_augmentation = Augmentation()
    _max_epochs = 100

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
        """Fit the networks on flattened images and targets, shape (n, n_outputs)."""
        images = self._images(X)
        need_torch()
        if self.n_networks < 1:
            raise UsageError(f"`n_networks` must be at least 1. Got {self.n_networks}.")
        from auricle.models.cnn.checkpoint import Checkpoint
        from auricle.models.cnn.training import Images, checkpoint_name, train

        weights = _mean_one(sample_weight, len(X)).astype(np.float32)
        training, held_out = self._split(Images(images, targets, weights), groups)
        epochs = self._epochs(len(training.images))
        settings = [self._settings(epochs, self.seed * _MAX_NETWORKS + index) for index in range(self.n_networks)]
        background = None if self.background is None else self._images(self.background)
        checkpoints: list[Checkpoint | None] = [None] * self.n_networks
        if self.checkpoints is not None:
            folder = Path(self.checkpoints)
            checkpoints = [
                Checkpoint(folder, checkpoint_name(each, training, held_out, background)) for each in settings
            ]
        self.weights_: list[Weights] = [
            train(training, held_out, each, background=background, checkpoint=checkpoint, progress=self.progress)
            for each, checkpoint in zip(settings, checkpoints, strict=True)
        ]
        self.n_outputs_ = targets.shape[1]
        return self

    def estimate_fit_s(self, X: NDArray[Any]) -> float:
        """Estimate the seconds of a fit to flattened images ``X``, from one epoch over a few of them."""
        images = self._images(X)
        few = images[:_N_TRIAL_IMAGES].reshape(min(_N_TRIAL_IMAGES, len(X)), -1)
        trial = clone(self).set_params(epochs=1, n_networks=1, validation=0.0, checkpoints=None, background=None)
        for _ in range(2):  # the first one warms up
            started = time.perf_counter()
            trial.fit(few, np.arange(len(few)) % 2)
        return (time.perf_counter() - started) * len(X) / len(few) * self._epochs(len(X)) * self.n_networks

    def _epochs(self, n_images: int) -> int:
        """Return the number of epochs; by default, more for fewer images."""
        return min(self._max_epochs, max(20, round(_N_IMAGES_SHOWN / n_images))) if self.epochs is None else self.epochs

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

    def _split(self, images: "Images", groups: ArrayLike | None) -> "tuple[Images, Images | None]":
        """Hold out whole groups as validation images, if requested."""
        from auricle.models.cnn.training import Images

        if not 0 <= self.validation < 1:
            raise UsageError(f"`validation` must be at least 0 and below 1. Got {self.validation:g}.")
        if not self.validation:
            return images, None
        owners = np.arange(len(images.images)) if groups is None else np.asarray(groups)
        if len(np.unique(owners)) < 2:
            raise ModelError("`validation` must hold out a whole group, and there is only one. Set it to 0.")
        split = GroupShuffleSplit(1, test_size=self.validation, random_state=self.seed)
        parts = next(split.split(images.images, groups=owners))
        training, held_out = (Images(images.images[i], images.targets[i], images.weights[i]) for i in parts)
        return training, held_out

    def _images(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return flattened images, shape (n, bands * frames), as images."""
        bands, frames = self.shape
        if X.shape[1:] != (bands * frames,):
            raise ModelError(
                f"Every image must have {bands} bands and {frames} frames ({bands * frames} columns). Got rows of "
                f"shape {X.shape[1:]}; give all images one size."
            )
        return np.ascontiguousarray(X, np.float32).reshape(len(X), bands, frames)

    def _outputs(self, X: NDArray[Any]) -> list[NDArray[np.float64]]:
        """Return the outputs of each network, shape (n, n_outputs)."""
        check_is_fitted(self)
        need_torch()
        from auricle.models.cnn.training import load_network, network_outputs

        images = self._images(validate_data(self, X, dtype=np.float32, reset=False))
        size = SIZES[self.size]
        return [
            network_outputs(load_network(weights, size, self.shape[1]), images, "cpu").astype(np.float64)
            for weights in self.weights_
        ]


class CnnClassifier(ClassifierMixin, _Cnn):  # type: ignore[misc]
    """Residual network on log-mel images, for classification.

    Parameters
    ----------
    shape : tuple of int
        Bands and frames of an image; rows of ``X`` hold it flattened, band after band, in dB.
    size : str
        ``tiny`` or ``small`` for CPU cores; ``medium`` or ``large`` for a GPU.
    epochs, batch, learning_rate, weight_decay, dropout, label_smoothing, averaging
        See :class:`~auricle.models.cnn.settings.Settings`. ``epochs`` None means about 40,000 images in all, in 20 to
        100 epochs.
    n_networks : int
        Networks with different seeds; their outputs are averaged.
    validation : float
        Share of the groups held out for early stopping; the weights of the best epoch are kept. 0 trains on all
        groups for all epochs, and keeps the last.
    patience : int
        Epochs without a better score before training stops.
    augmentation : Augmentation, optional
    class_weight : "balanced", optional
        Gives every class the same total weight.
    background : float32, shape (m, bands * frames), optional
        Flattened images of background sound, added in augmentation.
    device : str
        ``auto`` uses a GPU if there is one.
    checkpoints : str or Path, optional
        Folder of checkpoints, written every ten seconds; an interrupted training resumes from them, and a finished one
        is not repeated.
    progress : callable, optional
        Called with an :class:`~auricle.models.cnn.settings.Epoch` after each epoch.
    seed : int
        Reproducible with one thread on one machine.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        Labels, in the order of the probabilities.
    weights_ : list of dict
        Arrays of each network.

    Raises
    ------
    UsageError
        A hyperparameter out of range, torch is not installed, or ``cuda`` without a GPU.
    ModelError
        Images of another size, or a loss that is not finite in the first epoch.
    """

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit on flattened images.

        Parameters
        ----------
        X : float32, shape (n, bands * frames)
        y : shape (n,)
            Labels.
        sample_weight : float, shape (n,), optional
        groups : shape (n,), optional
            Recording (speaker, machine) of each image; ``validation`` holds out whole groups.
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
        """Predict class probabilities, shape (n, n_classes): the mean over networks."""
        return np.asarray(np.mean([softmax(outputs, axis=1) for outputs in self._outputs(X)], axis=0))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict classes, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class CnnRegressor(RegressorMixin, _Cnn):  # type: ignore[misc]
    """Residual network on log-mel images, for regression; parameters and errors as of :class:`CnnClassifier`.

    The network is trained on the residuals of a ridge regression on mean and deviation of each band: alone, it
    predicts only target values of the training data. By default augmentation leaves pitch and tempo unchanged, and
    band levels nearly so, since targets (a speed, a size) often depend on them; and there are at most 40 epochs, since
    residuals are small and soon overfitted.

    Attributes
    ----------
    line_ : LinearHead
        The ridge regression.
    deviation_ : float
        Standard deviation of its residuals, the unit of the networks' outputs.
    """

    _default_augmentation = Augmentation(stretch=0.0, warp=0.0, transpose=0.0, gain_db=1.0, equalize_db=1.0)
    _max_epochs = 40

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit on flattened images ``X``, shape (n, bands * frames), and targets ``y``, shape (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True)
        targets, features = np.asarray(y, np.float64), band_statistics(self._images(X))
        self.line_ = fit_linear_head(features, targets, _mean_one(sample_weight, len(X)))
        residuals = targets - self.line_.predict(features)
        self.deviation_ = float(np.std(residuals)) or 1.0
        return self._train(X, np.asarray(residuals / self.deviation_, np.float32)[:, np.newaxis], sample_weight, groups)

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Predict targets, shape (n,)."""
        residuals = np.mean(self._outputs(X), axis=0)[:, 0] * self.deviation_
        return np.asarray(residuals + self.line_.predict(band_statistics(self._images(np.asarray(X, np.float32)))))


def _mean_one(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    positive = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    return np.asarray(positive / positive.mean())
