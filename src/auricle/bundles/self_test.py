"""Self-test of a bundle: its golden windows must give the same rows and outputs on this machine as in training."""

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import BundleError, FeatureError, ModelError
from auricle.features.pipeline import FeaturePipeline

__all__ = ["TOLERANCE", "check"]

TOLERANCE = 1e-4
"""Largest allowed difference of an output, and of a row's value relative to its size."""


def check(bundle: Bundle, features: FeaturePipeline, graph: Graph) -> None:
    """Compute rows, standard rows and outputs of the golden windows, and compare them with the stored ones.

    Outputs are computed from the stored rows: a feature may differ in its last bit on another processor, and must not
    move a tree across its threshold.

    Raises
    ------
    BundleError : arrays do not fit each other, or differ by more than ``TOLERANCE``
    """
    golden, manifest = bundle.golden, bundle.manifest
    n_outputs = len(manifest.classes) if manifest.task == "classify" else 1
    output = "probabilities" if manifest.task == "classify" else "value"
    n, n_columns, n_standard = len(golden.windows), len(features.columns), len(manifest.standard.columns)
    got = (golden.rows.shape, golden.standard.shape, golden.answers.shape, graph.n_columns, graph.output)
    expected = ((n, n_columns), (n, n_standard), (n, n_outputs), n_columns, output)
    if got != expected:
        raise BundleError(
            f"{bundle.id}: graph, spec and golden windows must fit each other. Got {got}, expected {expected}."
        )
    if bundle.novelty.columns.max() >= n_standard:
        raise BundleError(f"{bundle.id}: novelty must read columns of the standard row, which has {n_standard}.")
    if not golden.windows:
        raise BundleError(f"{bundle.id}: a bundle must hold golden windows for its self-test. It holds none.")
    try:
        rows, standards = (np.stack([row(w) for w in golden.windows]) for row in (features.row, features.standard_row))
    except (FeatureError, ModelError) as error:
        raise BundleError(f"{bundle.id}: every golden window must give a row. {error}") from error
    comparisons = (
        ("row", rows, golden.rows),
        ("standard row", standards, golden.standard),
        ("output", graph.predict(golden.rows), golden.answers),
    )
    for name, found, stored in comparisons:
        with np.errstate(invalid="ignore"):  # a value that is not finite counts as a difference
            difference = float((np.abs(found - stored) / np.maximum(1.0, np.abs(stored))).max())
        if not difference <= TOLERANCE:
            raise BundleError(
                f"{bundle.id}: every golden window's {name} must be within {TOLERANCE:g} of training's. "
                f"It differs by {difference:.2g}: compare this machine's versions with those in the bundle's card."
            )
