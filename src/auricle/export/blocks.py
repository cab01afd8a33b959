"""Write the blocks of a window's row as ONNX nodes: pooled features and images, joined as in the bundle."""

from collections.abc import Callable
from functools import partial

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.errors import ExportError
from auricle.export.rows import Row, row
from auricle.export.spectrum import log_mel
from auricle.features.image import Image
from auricle.features.pipeline import IMAGE, POOLED
from auricle.features.spec import FeatureSpec

__all__ = ["design_row", "image", "pooled"]


def pooled(spec: FeatureSpec) -> Row:
    """Return the writer of a spec's row."""
    return Row(partial(row, spec=spec), len(spec.columns))


def design_row(bundle: Bundle) -> Row:
    """Return the writer of a bundle's input row, block after block.

    Raises
    ------
    ExportError : a block is an embedding, or an image at another rate than the windows
    """
    manifest = bundle.manifest
    writers = {POOLED: pooled(manifest.spec)}
    if manifest.image is not None:
        if manifest.image.rate_hz != manifest.spec.rate_hz:
            raise ExportError(
                f"{bundle.id}: images must be at the rate of the windows, {manifest.spec.rate_hz} Hz, to be exported. "
                f"These are at {manifest.image.rate_hz} Hz."
            )
        writers[IMAGE] = Row(partial(image, spec=manifest.image), len(Image(manifest.image).columns))
    if unknown := [name for name in manifest.parts if name not in writers]:
        raise ExportError(
            f"{bundle.id}: a model must read pooled features or images to be exported. This one reads the embedding "
            f"{unknown[0]}: use the bundle, or train without `embedding`."
        )
    blocks = [writers[name] for name in manifest.parts]
    return Row(partial(_joined, writes=[block.write for block in blocks]), sum(block.n_columns for block in blocks))


def _joined(graph: GraphBuilder, samples: Value, *, writes: list[Callable[[GraphBuilder, Value], Value]]) -> Value:
    return graph.node("Concat", *(write(graph, samples) for write in writes), axis=0)


ONE = np.array([1])


def image(graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> Value:
    """Write the log-mel image of one window, band after band: float32, shape (n_mels * n_frames,), in dB.

    A shorter window is centred in silence; a longer one is cut to its loudest stretch.

    Parameters
    ----------
    samples : float32, shape (n,), at ``spec.rate_hz``

    Raises
    ------
    ExportError : the spec has no ``window_s``, so that images have no size
    """
    if spec.window_samples is None:
        raise ExportError("An image must have a size to be exported: its spec has no `window_s`.")
    stretch = _loudest(graph, _centred(graph, samples, spec.window_samples), spec.window_samples, spec.hop)
    bands = graph.node("Transpose", log_mel(graph, stretch, spec), perm=[1, 0])
    return graph.node("Reshape", bands, np.array([-1]))


def _centred(graph: GraphBuilder, samples: Value, length: int) -> Value:
    """Write samples, padded with zeros on both sides up to ``length``."""
    missing = graph.node("Max", graph.node("Sub", np.array([length]), graph.length(samples, 0)), np.array([0]))
    before = graph.node("Div", missing, np.array([2]))
    sides = graph.node("Concat", before, graph.node("Sub", missing, before), axis=0)
    return graph.node("Pad", samples, sides, np.float32(0))


def _loudest(graph: GraphBuilder, samples: Value, length: int, hop: int) -> Value:
    """Write the stretch of ``length`` samples with the most energy, from the first frame on a tie."""
    double = graph.cast(samples, np.float64)
    before = graph.node(
        "Concat", np.zeros(1), graph.node("CumSum", graph.node("Mul", double, double), np.int64(0)), axis=0
    )
    spare = graph.node("Sub", graph.length(samples, 0), np.array([length]))
    n_starts = graph.node("Add", graph.node("Div", spare, np.array([hop])), ONE)
    starts = graph.node("Mul", graph.range(n_starts), np.int64(hop))
    ends = graph.node("Add", starts, np.int64(length))
    energy = graph.node("Sub", graph.node("Gather", before, ends), graph.node("Gather", before, starts))
    start = graph.node("Gather", starts, graph.node("ArgMax", energy, axis=0))
    return graph.slice(samples, start, graph.node("Add", start, np.array([length])))
