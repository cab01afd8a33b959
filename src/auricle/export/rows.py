"""Write the cut of a recording into windows and the row of pooled features of each window, as ONNX nodes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.errors import ExportError
from auricle.export.frame_features import GROUPS, FrameValues
from auricle.export.modulation import modulation_depth
from auricle.export.pooling import pool, trim_silence
from auricle.features.columns import UNPOOLED
from auricle.features.spec import FeatureSpec

__all__ = ["WHOLE", "Row", "row", "rows"]

WHOLE: dict[str, Callable[[GraphBuilder, Value, FeatureSpec], Value]] = {"modulation": modulation_depth}
"""Writer of each feature group without frames, from log-mel levels: float32, shape (n,)."""


class Row(NamedTuple):
    """Writer of a row from a window's samples, and its number of columns."""

    write: Callable[[GraphBuilder, Value], Value]
    n_columns: int


def row(graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> Value:
    """Write the row of one window from its samples, shape (n,): float32, shape (n_columns,).

    Raises
    ------
    ExportError : the spec has a feature or a statistic that cannot be exported
    """
    values = FrameValues(graph, samples, spec)
    if missing := [group for group in spec.features if group not in (WHOLE if group in UNPOOLED else GROUPS)]:
        raise ExportError(
            f"Every feature must be among {', '.join([*GROUPS, *WHOLE])} to be exported. Got {missing[0]}."
        )

    def trimmed(value: Value) -> Value:
        return value if trimmed_range is None else graph.slice(value, *trimmed_range)

    trimmed_range = None if spec.trim_db is None else trim_silence(graph, values.energy, spec.trim_db)
    columns = []
    if pooled := [GROUPS[group](values) for group in spec.features if group not in UNPOOLED]:
        columns += pool(graph, trimmed(graph.node("Concat", *pooled, axis=1)), spec)
    columns += [WHOLE[group](graph, trimmed(values.mel), spec) for group in spec.features if group in UNPOOLED]
    return graph.node("Concat", *columns, axis=0)


def rows(
    graph: GraphBuilder, samples: Value, spec: FeatureSpec, writers: Sequence[Row]
) -> tuple[tuple[Value, ...], Value]:
    """Write the rows of a recording's windows, cut as in `auricle.audio.windows`.

    Parameters
    ----------
    graph : GraphBuilder
    samples : float32, shape (n,), at the spec's rate
    spec : FeatureSpec
        Length and hop of the windows.
    writers : sequence of Row
        Rows to write of each window.

    Returns
    -------
    rows : tuple of float32, shape (n_windows, n_columns)
        One table per writer.
    starts : int64, shape (n_windows,)
        First sample of each window.

    Raises
    ------
    ExportError : a row cannot be exported
    """
    if spec.window_samples is None:
        whole = [graph.node("Unsqueeze", writer.write(graph, samples), np.array([0])) for writer in writers]
        return tuple(whole), graph.constant(np.array([0]))
    n_samples = graph.length(samples, 0)
    length = graph.node("Min", n_samples, np.array([spec.window_samples]))
    last = graph.node("Sub", n_samples, length)
    hop = np.int64(spec.window_hop_samples)
    # At 0, hop, 2 hop …, and one that ends at the last sample.
    n_before = graph.node("Div", graph.node("Add", last, np.array([hop - 1])), np.array([hop]))
    grid = graph.node("Mul", graph.range(graph.node("Add", n_before, np.array([1]))), hop)
    starts = graph.node("Min", grid, last)
    body = graph.body()
    start = body.node("Reshape", "start", np.array([1]))
    window = body.slice(samples, start, body.node("Add", start, length))
    found = [writer.write(body, window) for writer in writers]
    # The body reads the recording from the outer graph; only the window's start changes between iterations.
    loop = helper.make_graph(
        body.nodes,
        "window",
        [helper.make_tensor_value_info("start", TensorProto.INT64, [])],
        [
            helper.make_tensor_value_info(value, TensorProto.FLOAT, [writer.n_columns])
            for value, writer in zip(found, writers, strict=True)
        ],
    )
    tables = graph.split("Scan", starts, n=len(writers), body=loop, num_scan_inputs=1)
    return tuple(tables), starts
