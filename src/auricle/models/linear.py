"""Linear models on standardised features: logistic regression and ridge, for few recordings.

Searched: the strength of regularisation.
"""

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from auricle.models.family import Family, Range
from auricle.models.preprocessing import Standardize

__all__ = ["LINEAR"]

# Pooled rows have more columns than most datasets have recordings: strongly regularised by default.
LINEAR = Family(
    title="logistic or ridge regression",
    classifier=lambda seed: make_pipeline(Standardize(), LogisticRegression(C=0.05, max_iter=1000, random_state=seed)),
    regressor=lambda seed: make_pipeline(Standardize(), Ridge(alpha=100.0, random_state=seed)),
    grid={
        "logisticregression__C": (0.001, 0.003, 0.01, 0.03, 0.1, 1.0),
        "ridge__alpha": (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0),
    },
    space={"logisticregression__C": Range(1e-4, 10.0), "ridge__alpha": Range(1.0, 1e4)},
)
