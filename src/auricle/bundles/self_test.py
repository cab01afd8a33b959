"""The bundle's proof: its golden windows must become the same rows and answers here as where it was trained."""

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import BundleError, FeatureError, ModelError
from auricle.features.pipeline import FeaturePipeline

__all__ = ["TOLERANCE", "check"]

TOLERANCE = 1e-4
"""Largest difference of an answer, and of a row's value relative to its size, on any machine."""


def check(bundle: Bundle, features: FeaturePipeline, graph: Graph) -> None:
    """Compute the golden windows anew, as the model's and as standard rows, and compare.

    Answers are computed from the stored rows, so that a difference in the last bit of a feature, which another
    processor may show, cannot carry a tree across its threshold and be mistaken for damage.

    Raises
    ------
    BundleError : shapes that do not fit each other, or a difference above ``TOLERANCE``
    """
    golden, manifest = bundle.golden, bundle.manifest
    n_answers = len(manifest.classes) if manifest.task == "classify" else 1
    answer = "probabilities" if manifest.task == "classify" else "value"
    n, n_columns, n_standard = len(golden.windows), len(features.columns), len(manifest.standard.columns)
    got = (golden.rows.shape, golden.standard.shape, golden.answers.shape, graph.n_columns, graph.output)
    expected = ((n, n_columns), (n, n_standard), (n, n_answers), n_columns, answer)
    if got != expected:
        raise BundleError(
            f"{bundle.id}: graph, spec and golden windows must fit each other. Got {got}, expected {expected}."
        )
    if bundle.novelty.columns.max() >= n_standard:
        raise BundleError(f"{bundle.id}: novelty must look at columns of the standard row, which has {n_standard}.")
    if not golden.windows:
        raise BundleError(f"{bundle.id}: a bundle must hold golden windows to prove itself with. It has none.")
    try:
        rows, standards = (np.stack([row(w) for w in golden.windows]) for row in (features.row, features.standard_row))
    except (FeatureError, ModelError) as error:
        raise BundleError(f"{bundle.id}: every golden window must become a row. {error}") from error
    proofs = (
        ("row", rows, golden.rows),
        ("standard row", standards, golden.standard),
        ("answer", graph.predict(golden.rows), golden.answers),
    )
    for what, found, stored in proofs:
        with np.errstate(invalid="ignore"):  # what is not finite differs, and is refused
            difference = float((np.abs(found - stored) / np.maximum(1.0, np.abs(stored))).max())
        if not difference <= TOLERANCE:
            raise BundleError(
                f"{bundle.id}: every golden window's {what} must be within {TOLERANCE:g} of what training computed. "
                f"It differs by {difference:.2g}: compare this machine's versions with those in the bundle's card."
            )
