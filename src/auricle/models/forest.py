"""Random forests: the baseline that needs no scaling and seldom disappoints."""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from auricle.models.family import Family, Range

__all__ = ["FOREST"]

N_TREES = 100

# One thread a forest: folds and candidates run side by side, and n_jobs > 1 answers one row slower than one thread.
FOREST = Family(
    title="random forest",
    # Few columns a split: rows of sound have hundreds, many alike, and the price of a fit grows with those looked at.
    classifier=lambda seed: RandomForestClassifier(N_TREES, max_features="log2", random_state=seed, n_jobs=1),
    regressor=lambda seed: RandomForestRegressor(N_TREES, max_features="sqrt", random_state=seed, n_jobs=1),
    grid={"max_depth": (2, 4, 6, 8), "min_samples_split": (2, 4, 6, 8)},
    space={"max_features": Range(0.01, 0.5), "min_samples_leaf": Range(1, 8, is_whole=True)},
)
