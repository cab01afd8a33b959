"""Linear models on embeddings of a frozen pretrained network: for few recordings of sound like its training data.

The rows hold embeddings, alone or beside pooled features. Searched: the strength of regularisation.
"""

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from auricle.models.family import Family, Range
from auricle.models.preprocessing import Standardize

__all__ = ["EMBEDDING"]

# Embeddings have a thousand weakly informative columns or more: regularised less than pooled columns.
EMBEDDING = Family(
    title="logistic or ridge regression on pretrained embeddings",
    classifier=lambda seed: make_pipeline(Standardize(), LogisticRegression(C=0.3, max_iter=1000, random_state=seed)),
    regressor=lambda seed: make_pipeline(Standardize(), Ridge(alpha=100.0, random_state=seed)),
    grid={"logisticregression__C": (0.01, 0.03, 0.1, 0.3, 1.0), "ridge__alpha": (30.0, 100.0, 300.0, 1000.0)},
    space={"logisticregression__C": Range(1e-4, 10.0), "ridge__alpha": Range(1.0, 1e4)},
    input_kind="embedding",
)
