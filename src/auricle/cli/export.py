"""``auricle export``: one ONNX graph from waveform to prediction, with its card."""

from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import JsonOption, ModelArgument
from auricle.cli.outputs import check_output
from auricle.cli.terminal import err, print_json

__all__ = ["export"]


def export(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Graph to write, .onnx; its card, .json, is written beside it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Export a bundle as one ONNX graph from waveform to prediction, for programs without auricle.

    The graph computes features, model, calibration and novelty in standard operators. It is compared with the bundle on
    the golden windows before it is written.

    Example: `auricle export motor.auricle -o motor.onnx`
    """
    from auricle.bundles.bundle import Bundle
    from auricle.export.export import check_output as check_name
    from auricle.export.export import export as write

    check_name(output)
    check_output(output, "ONNX graph", (model,))
    check_output(output.with_suffix(".json"), "card of a graph", (model,))
    written = write(Bundle.load(model), output)
    if as_json:
        print_json(written.as_json())
    else:
        err.print(
            f"Wrote {written.graph} ({written.n_bytes / 1e6:.2f} MB) and {written.card}; on the golden windows "
            f"it is within {written.difference:.1g} of the bundle.",
            markup=False,
        )
