"""Nearest neighbours on standardised rows: no assumption but that like sounds have like rows."""

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from auricle.models.family import Family, Range
from auricle.models.preprocessing import Standardize

__all__ = ["NEIGHBOURS"]

# Uniform votes: weighting by distance does not survive the conversion to ONNX (differences of 1e-2).
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
