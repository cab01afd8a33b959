"""Nearest neighbours on standardised features: for classes of several distinct clusters.

Searched: the number of neighbours.
"""

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from auricle.models.family import Family, Range
from auricle.models.preprocessing import Standardize

__all__ = ["NEIGHBOURS"]

# Uniform votes: distance weights differ by 1e-2 after conversion to ONNX.
NEIGHBOURS = Family(
    title="nearest neighbours",
    classifier=lambda _seed: make_pipeline(Standardize(), KNeighborsClassifier(5, algorithm="brute")),
    regressor=lambda _seed: make_pipeline(Standardize(), KNeighborsRegressor(5, algorithm="brute")),
    grid={"kneighborsclassifier__n_neighbors": (1, 3, 5, 9, 15), "kneighborsregressor__n_neighbors": (1, 3, 5, 9, 15)},
    space={
        "kneighborsclassifier__n_neighbors": Range(1, 25, is_whole=True),
        "kneighborsregressor__n_neighbors": Range(1, 25, is_whole=True),
    },
)
