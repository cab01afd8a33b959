"""Export a bundle to a file: the ONNX graph with its card in JSON, written after the graph is verified."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.bundles.bundle import Bundle
from auricle.errors import UsageError
from auricle.export.card import build_card
from auricle.export.graph import build_graph
from auricle.export.verification import check
from auricle.runtime import files

__all__ = ["Exported", "check_output", "export"]

SUFFIX = ".onnx"


@dataclass(frozen=True, slots=True)
class Exported:
    """A written export.

    Parameters
    ----------
    graph, card : Path
    n_bytes : int
        Size of the graph.
    difference : float
        Largest difference from the bundle on its golden windows, of a probability or standardised number.
    """

    graph: Path
    card: Path
    n_bytes: int
    difference: float

    def as_json(self) -> dict[str, Any]:
        """Return what ``auricle export --json`` prints."""
        return {
            "output": str(self.graph),
            "card": str(self.card),
            "n_bytes": self.n_bytes,
            "difference": self.difference,
        }


def check_output(path: str | Path) -> Path:
    """Check that a graph can be written to a path, and return it.

    Raises
    ------
    UsageError : the name does not end in .onnx
    OutputError : the graph or the card beside it cannot be written
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path}: the graph's name must end in {SUFFIX}.")
    files.check_writable(path)
    files.check_writable(path.with_suffix(".json"))
    return path


def export(bundle: Bundle, path: str | Path) -> Exported:
    """Write one ONNX graph from waveform to prediction, with a card in JSON beside it.

    Parameters
    ----------
    bundle : Bundle
    path : str or Path
        File of the graph, ending in .onnx; the card has the same name and ends in .json.

    Raises
    ------
    UsageError : the name does not end in .onnx
    ExportError : the bundle cannot be exported, or the graph differs from it; nothing is written
    OutputError : a file cannot be written
    """
    path = check_output(path)
    graph = build_graph(bundle)
    difference = check(graph, bundle)
    card = path.with_suffix(".json")
    text = json.dumps(build_card(bundle, file=path.name), ensure_ascii=False, indent=1)
    files.write_bytes(card, text.encode() + b"\n")
    files.write_bytes(path, graph)
    return Exported(path, card, len(graph), difference)
