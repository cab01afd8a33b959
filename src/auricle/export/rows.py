"""From a recording to the rows of its windows, and from one window to its pooled features, as ONNX nodes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.errors import ExportError
from auricle.export.modulation import modulation_depth
from auricle.export.pooling import pool, trim_silence
from auricle.export.window import GROUPS, FrameValues
from auricle.features.columns import UNPOOLED
from auricle.features.spec import FeatureSpec

__all__ = ["WHOLE", "Row", "row", "rows"]

WHOLE: dict[str, Callable[[GraphBuilder, Value, FeatureSpec], Value]] = {"modulation": modulation_depth}
"""How the groups are written that have one value a window, from its log-mel levels: float32, shape (n,)."""


class Row(NamedTuple):
    """How a row is written of a window's samples, and how many numbers it holds."""

    write: Callable[[GraphBuilder, Value], Value]
    n_columns: int


def row(graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> Value:
    """Write the row of one window, from samples of shape (n,): float32, shape (n_columns,).

    Raises
    ------
    ExportError : the spec has a feature or a statistic that has no export
    """
    values = FrameValues(graph, samples, spec)
    if missing := [group for group in spec.features if group not in (WHOLE if group in UNPOOLED else GROUPS)]:
        raise ExportError(
            f"Every feature must be among {', '.join([*GROUPS, *WHOLE])} to be exported. Got {missing[0]}."
        )

    def trimmed(value: Value) -> Value:
        return value if heard is None else graph.slice(value, *heard)

    heard = None if spec.trim_db is None else trim_silence(graph, values.energy, spec.trim_db)
    columns = []
    if pooled := [GROUPS[group](values) for group in spec.features if group not in UNPOOLED]:
        columns += pool(graph, trimmed(graph.node("Concat", *pooled, axis=1)), spec)
    columns += [WHOLE[group](graph, trimmed(values.mel), spec) for group in spec.features if group in UNPOOLED]
    return graph.node("Concat", *columns, axis=0)


def rows(
    graph: GraphBuilder, samples: Value, spec: FeatureSpec, wanted: Sequence[Row]
) -> tuple[tuple[Value, ...], Value]:
    """Write rows of a recording's windows, which are cut as `auricle.audio.windows` cuts them.

    Parameters
    ----------
    samples : float32, shape (n,), at the spec's rate
    spec : the windows
    wanted : the rows of each window

    Returns
    -------
    rows : of each kind, float32, shape (n_windows, n_columns)
    starts : first sample of each window, int64, shape (n_windows,)

    Raises
    ------
    ExportError : a row holds what has no export
    """
    if spec.window_samples is None:
        whole = [graph.node("Unsqueeze", one.write(graph, samples), np.array([0])) for one in wanted]
        return tuple(whole), graph.constant(np.array([0]))
    n_samples = graph.length(samples, 0)
    length = graph.node("Min", n_samples, np.array([spec.window_samples]))
    last = graph.node("Sub", n_samples, length)
    hop = np.int64(spec.window_hop_samples)
    # At 0, hop, 2 hop …, and one that ends at the last sample.
    n_before = graph.node("Div", graph.node("Add", last, np.array([hop - 1])), np.array([hop]))
    places = graph.node("Mul", graph.range(graph.node("Add", n_before, np.array([1]))), hop)
    starts = graph.node("Min", places, last)
    body = graph.body()
    start = body.node("Reshape", "start", np.array([1]))
    window = body.slice(samples, start, body.node("Add", start, length))
    found = [one.write(body, window) for one in wanted]
    # The body sees the recording around it; only where its window starts differs from turn to turn.
    loop = helper.make_graph(
        body.nodes,
        "window",
        [helper.make_tensor_value_info("start", TensorProto.INT64, [])],
        [
            helper.make_tensor_value_info(value, TensorProto.FLOAT, [one.n_columns])
            for value, one in zip(found, wanted, strict=True)
        ],
    )
    tables = graph.split("Scan", starts, n=len(wanted), body=loop, num_scan_inputs=1)
    return tuple(tables), starts
