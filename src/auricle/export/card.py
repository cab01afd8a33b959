"""The card of an exported graph: its inputs, outputs, calibration and an example, as JSON."""

import json
from importlib.metadata import version
from typing import Any

from auricle.bundles.bundle import Bundle
from auricle.bundles.novelty import LEVELS

__all__ = ["INPUT", "build_card"]

INPUT = "samples"

_POOLED = {
    "classify": "the mean of its windows' log-probabilities (each probability at least 1e-4), over the temperature of "
    "recordings, plus their bias, through a softmax",
    "regress": "the mean of its windows' numbers",
}

_EXAMPLE = """\
import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{file}")
card = session.get_modelmeta().custom_metadata_map
samples = np.zeros({n}, np.float32)  # your recording: one channel, {rate_hz} Hz, -1 to 1
samples[::100] = 0.5
outputs = dict(zip([output.name for output in session.get_outputs()], session.run(None, {{"samples": samples}})))
{shown}
"""

_SHOWN = {
    "classify": 'print(json.loads(card["classes"])[outputs["class"]], outputs["probabilities"], outputs["unknown"])',
    "regress": 'print(outputs["value"], outputs["unknown"])',
}


def build_card(bundle: Bundle, *, file: str = "model.onnx") -> dict[str, Any]:
    """Return the card of a bundle's graph as plain values.

    Parameters
    ----------
    bundle : Bundle
    file : str
        Name of the graph in the example.
    """
    manifest, spec = bundle.manifest, bundle.manifest.spec
    n_example = spec.window_samples or max(spec.rate_hz, manifest.min_samples)
    return {
        "what": f"{manifest.name}, from the waveform of one recording to its prediction. {manifest.verdict}".rstrip(),
        "model": bundle.id,
        "task": manifest.task,
        "made_with": {name: version(name) for name in ("auricle", "onnx")},
        "licence": "auricle (Apache-2.0) claims no rights in this file: they belong to the owner of the model.",
        "input": {
            "name": INPUT,
            "type": "float32",
            "shape": ["n_samples"],
            "meaning": f"one recording of any length from {manifest.min_samples} samples on: one channel, resampled "
            f"to {spec.rate_hz} Hz, finite, in [-1, 1], not all zero; the graph cuts it into windows",
            "rate_hz": spec.rate_hz,
            "least_samples": manifest.min_samples,
            "window_samples": spec.window_samples,
            "window_hop_samples": None if spec.window_samples is None else spec.window_hop_samples,
        },
        "windows": "One window, which is the whole recording."
        if spec.window_samples is None
        else f"Windows of {spec.window_samples} samples, {spec.window_hop_samples} apart; the last ends at the last "
        "sample, and a shorter recording is one window of its own length. For a stream, run each window by itself.",
        "outputs": _outputs(bundle),
        "classes": list(manifest.classes),
        "calibration": json.loads(manifest.calibration.model_dump_json()) if manifest.classes else {},
        "unknown_above": dict(zip(LEVELS, map(float, bundle.novelty.thresholds), strict=True)),
        "example": _EXAMPLE.format(file=file, n=n_example, rate_hz=spec.rate_hz, shown=_SHOWN[manifest.task]),
    }


def _outputs(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Return the type, shape and meaning of every output, in order."""
    manifest = bundle.manifest
    outputs: dict[str, tuple[str, list[str | int], str]] = {}
    for prefix, axes, owner in (("", [], "of the recording"), ("window_", ["n_windows"], "of each window")):
        if manifest.classes:
            n = len(manifest.classes)
            outputs[f"{prefix}probabilities"] = ("float32", [*axes, n], f"calibrated probability of each class {owner}")
            outputs[f"{prefix}class"] = ("int64", [*axes], f"index of the most probable class {owner}")
            if manifest.sets and not prefix:
                meaning = f"whether each class is in the prediction set, with a coverage of {manifest.sets.coverage:g}"
                outputs["possible"] = ("bool", [n], meaning)
        else:
            outputs[f"{prefix}value"] = ("float32", [*axes], f"the number {owner}, in the target's unit")
            if manifest.interval and not prefix:
                meaning = f"prediction interval of the number, with a coverage of {manifest.interval.coverage:g}"
                outputs["interval"] = ("float32", [2], meaning)
        outputs[f"{prefix}novelty"] = ("float32", [*axes], f"novelty {owner}: above 1 is far from the training data")
        outputs[f"{prefix}unknown"] = ("bool", [*axes], f"whether the prediction {owner} is unknown")
    outputs["window_start"] = ("int64", ["n_windows"], "first sample of each window")
    columns = bundle.golden.rows.shape[1]
    outputs["window_features"] = ("float32", ["n_windows", columns], "input row of the model")
    pooled = "probabilities" if manifest.classes else "value"
    kind, shape, text = outputs[pooled]
    outputs[pooled] = (kind, shape, f"{text}: {_POOLED[manifest.task]}")
    return {name: {"type": kind, "shape": shape, "meaning": text} for name, (kind, shape, text) in outputs.items()}
