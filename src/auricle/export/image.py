"""The log-mel image of a window as ONNX nodes, as `auricle.features.image` makes it, for models that look at one."""

import numpy as np

from auricle.errors import ExportError
from auricle.export.draft import Draft, Value
from auricle.export.spectrum import log_mel
from auricle.features.spec import FeatureSpec

__all__ = ["image"]

ONE = np.array([1])


def image(draft: Draft, samples: Value, spec: FeatureSpec) -> Value:
    """Write the image of one window, band after band: float32, shape (n_mels * n_frames,), in dB.

    A shorter window is laid in the middle of silence; of a longer one, the loudest stretch is seen.

    Parameters
    ----------
    samples : float32, shape (n,), at ``spec.rate_hz``

    Raises
    ------
    ExportError : the spec has no ``window_s``, so that images have no size
    """
    if spec.window_samples is None:
        raise ExportError("An image must have a size to be exported: its spec has no `window_s`.")
    seen = _loudest(draft, _centred(draft, samples, spec.window_samples), spec.window_samples, spec.hop)
    bands = draft.node("Transpose", log_mel(draft, seen, spec), perm=[1, 0])
    return draft.node("Reshape", bands, np.array([-1]))


def _centred(draft: Draft, samples: Value, length: int) -> Value:
    """Write samples with silence on both sides where they are fewer than ``length``."""
    missing = draft.node("Max", draft.node("Sub", np.array([length]), draft.length(samples, 0)), np.array([0]))
    before = draft.node("Div", missing, np.array([2]))
    sides = draft.node("Concat", before, draft.node("Sub", missing, before), axis=0)
    return draft.node("Pad", samples, sides, np.float32(0))


def _loudest(draft: Draft, samples: Value, length: int, hop: int) -> Value:
    """Write the stretch of ``length`` with the most energy, among those that begin at a frame; the first of equals."""
    double = draft.cast(samples, np.float64)
    before = draft.node(
        "Concat", np.zeros(1), draft.node("CumSum", draft.node("Mul", double, double), np.int64(0)), axis=0
    )
    spare = draft.node("Sub", draft.length(samples, 0), np.array([length]))
    n_starts = draft.node("Add", draft.node("Div", spare, np.array([hop])), ONE)
    starts = draft.node("Mul", draft.range(n_starts), np.int64(hop))
    ends = draft.node("Add", starts, np.int64(length))
    energy = draft.node("Sub", draft.node("Gather", before, ends), draft.node("Gather", before, starts))
    start = draft.node("Gather", starts, draft.node("ArgMax", energy, axis=0))
    return draft.slice(samples, start, draft.node("Add", start, np.array([length])))
