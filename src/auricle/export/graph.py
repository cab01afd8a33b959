"""The whole graph of a bundle: from a recording's samples to its answer, and those of its windows."""

import json
from collections.abc import Mapping
from typing import Any

import onnx
from onnx import TensorProto, helper

from auricle.bundles.bundle import Bundle
from auricle.export.blocks import design_row, pooled
from auricle.export.card import INPUT, build_card
from auricle.export.draft import OPSET, Draft
from auricle.export.outputs import recording_outputs
from auricle.export.rows import rows

__all__ = ["build_graph"]

IR_VERSION = 8  # what runtimes of 2023 read
OPSETS = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]


def build_graph(bundle: Bundle) -> bytes:
    """Return a serialised ONNX graph from samples to answers, of standard operators only.

    Its inputs and outputs are those that :func:`~auricle.export.card.build_card` describes; the card is its metadata.

    Raises
    ------
    ExportError : the bundle's features or its model's graph have no export
    """
    draft = Draft()
    manifest = bundle.manifest
    (table, standard), starts = rows(draft, INPUT, manifest.spec, (design_row(bundle), pooled(manifest.standard)))
    found = recording_outputs(draft, table, standard, bundle) | {"window_start": starts, "window_features": table}
    card = build_card(bundle)
    outputs = []
    for name, told in card["outputs"].items():
        draft.nodes.append(helper.make_node("Identity", [found[name]], [name]))
        outputs.append(_tensor(name, told))
    graph = helper.make_graph(
        draft.nodes,
        "auricle",
        [_tensor(INPUT, card["input"])],
        outputs,
        list(draft.constants.values()),
        doc_string=card["what"],
    )
    model = helper.make_model(
        graph, opset_imports=OPSETS, ir_version=IR_VERSION, producer_name="auricle", doc_string=card["what"]
    )
    told = {
        name: text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for name, text in card.items()
    }
    helper.set_model_props(model, told)
    return bytes(model.SerializeToString(deterministic=True))


def _tensor(name: str, told: Mapping[str, Any]) -> onnx.ValueInfoProto:
    kind = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}[told["type"]]
    return helper.make_tensor_value_info(name, kind, told["shape"], doc_string=told["meaning"])
