"""Extremely randomised trees: random splits, faster to fit and smoother than a random forest.

Searched: depth and leaf size; with Optuna the share of columns per split and the leaf size.
"""

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from auricle.models.family import Family, Range

__all__ = ["TREES"]

N_TREES = 200

TREES = Family(
    title="extremely randomised trees",
    classifier=lambda seed: ExtraTreesClassifier(N_TREES, random_state=seed, n_jobs=1),
    regressor=lambda seed: ExtraTreesRegressor(N_TREES, max_features=0.1, random_state=seed, n_jobs=1),
    grid={"max_depth": (4, 8, 16, None), "min_samples_leaf": (1, 2, 4)},
    space={"max_features": Range(0.01, 0.5), "min_samples_leaf": Range(1, 8, is_whole=True)},
)
