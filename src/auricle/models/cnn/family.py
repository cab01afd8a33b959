"""Residual networks on log-mel images: for some thousand recordings, or sound that pooled features describe badly.

Searched: size and dropout; with Optuna learning rate, dropout and weight decay. torch is imported only to fit.
"""

from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.family import Family, Range

__all__ = ["CNN"]

_SHAPE = (64, 128)  # training sets the real size

CNN = Family(
    title="residual network on log-mel images",
    classifier=lambda seed: CnnClassifier(_SHAPE, seed=seed),
    regressor=lambda seed: CnnRegressor(_SHAPE, seed=seed),
    grid={"size": ("tiny", "small"), "dropout": (0.1, 0.3)},
    space={"learning_rate": Range(1e-3, 1e-2), "dropout": Range(0.05, 0.6), "weight_decay": Range(1e-3, 0.1)},
    input_kind="image",
)
