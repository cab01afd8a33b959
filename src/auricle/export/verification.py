"""Verify an exported graph: on the golden windows, its predictions must equal the bundle's."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from auricle.audio.clip import Clip, Samples
from auricle.bundles import self_test
from auricle.bundles.aggregation import calibrate, log_probabilities, pool
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import ExportError
from auricle.export.card import INPUT
from auricle.features.pipeline import FeaturePipeline

__all__ = ["MAX_DIFFERENCE", "check"]

MAX_DIFFERENCE = 1e-3
"""Largest allowed difference of a probability, or of a number in standard deviations of the training targets."""


def check(graph: bytes, bundle: Bundle) -> float:
    """Compare a graph with its bundle on each golden window, and on all of them joined to one recording.

    The bundle's self-test runs first.

    Returns
    -------
    float
        The largest difference of a probability, or of a number in standard deviations of the training targets.

    Raises
    ------
    BundleError : the bundle fails its self-test
    ExportError : onnxruntime cannot run the graph, or a difference is above ``MAX_DIFFERENCE``
    """
    model, features = Graph(bundle.graph), bundle.features()
    self_test.check(bundle, features, model)
    recordings = [*bundle.golden.windows, np.concatenate(bundle.golden.windows)]
    try:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        differences = [_difference(session, samples, bundle, features, model) for samples in recordings]
    except ExportError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise ExportError(f"{bundle.id}: the exported graph must run in onnxruntime. It does not: {error}") from error
    worst = max(differences)
    if not worst <= MAX_DIFFERENCE:
        raise ExportError(
            f"{bundle.id}: the exported graph must predict within {MAX_DIFFERENCE:g} of the bundle. It differs by "
            f"{worst:.2g} on its golden windows, so nothing was written."
        )
    return worst


def _difference(
    session: onnxruntime.InferenceSession, samples: Samples, bundle: Bundle, features: FeaturePipeline, model: Graph
) -> float:
    manifest = bundle.manifest
    rows = features.rows([Clip(samples, manifest.spec.rate_hz)])
    windows = np.concatenate([model.predict(row[np.newaxis]) for row in rows])
    names = ["probabilities", "window_probabilities"] if manifest.classes else ["value", "window_value"]
    whole, parts = session.run(names, {INPUT: samples})
    if manifest.target is not None:
        wanted: tuple[NDArray[np.float64], ...] = (windows.mean(axis=0, dtype=np.float64), windows[:, 0])
        whole, parts = ((value - manifest.target.mean) / manifest.target.deviation for value in (whole, parts))
    else:
        scale = manifest.calibration
        wanted = (calibrate(pool(windows), scale.recording), calibrate(log_probabilities(windows), scale.window))
    if parts.shape != wanted[1].shape:
        raise ExportError(
            f"{bundle.id}: the exported graph must cut a recording as the bundle does. "
            f"It gives {len(parts)} windows for {len(wanted[1])}."
        )
    return max(float(np.abs(found - value).max()) for found, value in zip((whole, parts), wanted, strict=True))
