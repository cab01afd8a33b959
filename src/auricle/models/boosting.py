"""Gradient boosting on histograms: strong where few columns matter and there are many recordings."""

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from auricle.models.family import Family, Range

__all__ = ["BOOSTING"]

# Shallow trees on a third of the columns: a fit's price grows with both, and rows of sound have many columns alike.
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
