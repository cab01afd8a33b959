"""Support vector machines with an RBF kernel: accurate on a few hundred recordings.

scikit-learn's solver fits on a kernel matrix computed by one BLAS product: with hundreds of columns, libsvm's own
pairwise evaluation takes most of the time. Probabilities come from the pairwise margins (``SVC(probability=True)``
refits five times and is deprecated); temperature scaling calibrates them as those of every other model.

Searched: the cost C and the width of the kernel.
"""

from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from auricle.models.family import Family, Range
from auricle.models.preprocessing import Standardize

__all__ = ["SVM", "KernelSVC", "KernelSVR", "pair_signs"]

Doubles = NDArray[np.float64]


def radial_kernel(X: Doubles, centres: Doubles, gamma: float) -> Doubles:
    """Return ``exp(-gamma |x - c|²)``, float64, shape (n, n_centres)."""
    squares = (X**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2.0 * (X @ centres.T)
    return np.asarray(np.exp(-gamma * np.maximum(squares, 0.0)))


def pair_signs(n_classes: int) -> tuple[Doubles, Doubles]:
    """Return the class each pair's margin votes for and against: two 0/1 matrices, shape (n_pairs, n_classes)."""
    pairs = list(combinations(range(n_classes), 2))
    votes_for, votes_against = np.zeros((2, len(pairs), n_classes))
    for row, (i, j) in enumerate(pairs):
        votes_for[row, i] = votes_against[row, j] = 1.0
    return votes_for, votes_against


def default_gamma(X: Doubles) -> float:
    """Return scikit-learn's ``gamma="scale"``: 1 / (columns · variance)."""
    return float(1.0 / max(X.shape[1] * X.var(), 1e-12))


class KernelSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Support vector classifier with an RBF kernel and probabilities.

    The score of a class is the mean log-probability that it beats each other class, with the margin of the pair as
    log-odds; probabilities are the softmax of the scores.

    Parameters
    ----------
    C : float
        Cost of a misclassified training row; larger fits closer.
    gamma_factor : float
        Kernel coefficient as a multiple of scikit-learn's ``gamma="scale"``.
    """

    def __init__(self, C: float = 10.0, gamma_factor: float = 0.3) -> None:
        self.C = C
        self.gamma_factor = gamma_factor

    def fit(self, X: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:
        """Fit on rows ``X``, shape (n, d), and two or more classes ``y``, shape (n,); sample weights scale the cost."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.gamma_ = self.gamma_factor * default_gamma(X)
        solver = SVC(kernel="precomputed", C=self.C).fit(radial_kernel(X, X, self.gamma_), y, sample_weight)
        self.classes_ = solver.classes_
        self.support_vectors_ = X[solver.support_]
        self.pair_weights_, self.pair_intercepts_ = _pairs(solver)
        return self

    def margins(self, X: NDArray[Any]) -> Doubles:
        """Return the margin of each pair of classes, positive for the first, shape (n, n_pairs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return radial_kernel(X, self.support_vectors_, self.gamma_) @ self.pair_weights_ + self.pair_intercepts_

    def predict_proba(self, X: NDArray[Any]) -> Doubles:
        """Predict class probabilities, shape (n, n_classes)."""
        margins = self.margins(X)
        votes_for, votes_against = pair_signs(len(self.classes_))
        scores = log_expit(2.0 * margins) @ votes_for + log_expit(-2.0 * margins) @ votes_against
        return np.asarray(softmax(2.0 / len(self.classes_) * scores, axis=1))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict classes, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def _pairs(solver: SVC) -> tuple[Doubles, Doubles]:
    """Unpack libsvm's coefficients into one column per pair, shape (n_support, n_pairs)."""
    n_classes, duals = len(solver.classes_), solver.dual_coef_
    if n_classes == 2:  # for two classes scikit-learn flips the sign: positive means the second class
        return -duals.T, -solver.intercept_
    ends = np.concatenate([[0], np.cumsum(solver.n_support_)])
    weights = np.zeros((duals.shape[1], n_classes * (n_classes - 1) // 2))
    for column, (i, j) in enumerate(combinations(range(n_classes), 2)):
        weights[ends[i] : ends[i + 1], column] = duals[j - 1, ends[i] : ends[i + 1]]
        weights[ends[j] : ends[j + 1], column] = duals[i, ends[j] : ends[j + 1]]
    return weights, solver.intercept_


class KernelSVR(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Support vector regressor with an RBF kernel, for targets of unit deviation (training standardises them).

    Parameters
    ----------
    C : float
        Cost of a training row outside the epsilon tube; larger fits closer.
    epsilon : float
        Half width of the tube without cost.
    gamma_factor : float
        Kernel coefficient as a multiple of scikit-learn's ``gamma="scale"``.
    """

    def __init__(self, C: float = 10.0, epsilon: float = 0.05, gamma_factor: float = 0.1) -> None:
        self.C = C
        self.epsilon = epsilon
        self.gamma_factor = gamma_factor

    def fit(self, X: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:
        """Fit on rows ``X``, shape (n, d), and targets ``y``, shape (n,); sample weights scale the cost."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.gamma_ = self.gamma_factor * default_gamma(X)
        solver = SVR(kernel="precomputed", C=self.C, epsilon=self.epsilon)
        solver.fit(radial_kernel(X, X, self.gamma_), y, sample_weight)
        self.support_vectors_ = X[solver.support_]
        self.weights_ = solver.dual_coef_.ravel()
        self.intercept_ = float(solver.intercept_[0])
        return self

    def predict(self, X: NDArray[Any]) -> Doubles:
        """Predict targets, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(radial_kernel(X, self.support_vectors_, self.gamma_) @ self.weights_ + self.intercept_)


SVM = Family(
    title="support vector machine",
    classifier=lambda _seed: make_pipeline(Standardize(), KernelSVC()),
    regressor=lambda _seed: make_pipeline(Standardize(), KernelSVR()),
    grid={
        "kernelsvc__C": (1.0, 3.0, 10.0, 30.0),
        "kernelsvr__C": (1.0, 3.0, 10.0, 30.0),
        "kernelsvc__gamma_factor": (0.1, 0.3, 1.0),
        "kernelsvr__gamma_factor": (0.03, 0.1, 0.3),
    },
    space={
        "kernelsvc__C": Range(0.3, 100.0),
        "kernelsvr__C": Range(0.3, 100.0),
        "kernelsvc__gamma_factor": Range(0.03, 3.0),
        "kernelsvr__gamma_factor": Range(0.01, 1.0),
    },
)
