"""Random forests: a robust baseline without feature scaling.

Searched: depth and split size; with Optuna the share of columns per split and the leaf size.
"""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from auricle.models.family import Family, Range

__all__ = ["FOREST"]

N_TREES = 100

# One thread per forest: folds and candidates run in parallel, and n_jobs > 1 predicts a single row more slowly.
FOREST = Family(
    title="random forest",
    # Few columns per split: audio rows have hundreds, many correlated, and fit time grows with their number.
    classifier=lambda seed: RandomForestClassifier(N_TREES, max_features="log2", random_state=seed, n_jobs=1),
    regressor=lambda seed: RandomForestRegressor(N_TREES, max_features="sqrt", random_state=seed, n_jobs=1),
    grid={"max_depth": (2, 4, 6, 8), "min_samples_split": (2, 4, 6, 8)},
    space={"max_features": Range(0.01, 0.5), "min_samples_leaf": Range(1, 8, is_whole=True)},
)
