"""Build the ONNX graph of a bundle, from the samples of a recording to its prediction and those of its windows."""

import json
from collections.abc import Mapping
from typing import Any

import onnx
from onnx import TensorProto, helper

from auricle.bundles.bundle import Bundle
from auricle.bundles.graph_builder import GraphBuilder
from auricle.export.blocks import design_row, pooled
from auricle.export.card import INPUT, build_card
from auricle.export.outputs import recording_outputs
from auricle.export.rows import rows

__all__ = ["build_graph"]


def build_graph(bundle: Bundle) -> bytes:
    """Return a serialised ONNX graph from samples to predictions, of standard operators only.

    :func:`~auricle.export.card.build_card` describes its inputs and outputs; the card is its metadata.

    Raises
    ------
    ExportError : the bundle's features or its model's graph cannot be exported
    """
    graph = GraphBuilder()
    manifest = bundle.manifest
    (table, standard), starts = rows(graph, INPUT, manifest.spec, (design_row(bundle), pooled(manifest.standard)))
    values = recording_outputs(graph, table, standard, bundle) | {"window_start": starts, "window_features": table}
    card = build_card(bundle)
    return graph.serialize(
        [_tensor(INPUT, card["input"])],
        [(_tensor(name, output), values[name]) for name, output in card["outputs"].items()],
        doc=card["what"],
        metadata={
            name: text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for name, text in card.items()
        },
    )


def _tensor(name: str, described: Mapping[str, Any]) -> onnx.ValueInfoProto:
    kind = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}[described["type"]]
    return helper.make_tensor_value_info(name, kind, described["shape"], doc_string=described["meaning"])
