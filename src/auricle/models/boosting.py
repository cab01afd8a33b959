"""Histogram gradient boosting: for many recordings where few columns matter.

Searched: number of iterations, leaves per tree; with Optuna also the learning rate.
"""

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from auricle.models.family import Family, Range

__all__ = ["BOOSTING"]

# Shallow trees on a third of the columns: fit time grows with both, and many audio features are correlated.
_SETTINGS = {"max_iter": 100, "max_leaf_nodes": 8, "learning_rate": 0.1, "max_features": 0.3, "early_stopping": False}

BOOSTING = Family(
    title="gradient boosting",
    classifier=lambda seed: HistGradientBoostingClassifier(random_state=seed, **_SETTINGS),
    regressor=lambda seed: HistGradientBoostingRegressor(random_state=seed, **_SETTINGS),
    grid={"max_iter": (50, 100, 200), "max_leaf_nodes": (4, 8, 16)},
    space={
        "max_iter": Range(50, 400, is_whole=True),
        "max_leaf_nodes": Range(4, 32, is_whole=True),
        "learning_rate": Range(0.02, 0.3),
    },
)
