"""Metadata of a bundle for other tools: MLflow's ``MLmodel`` file and the header of a Hugging Face model card.

Both are YAML. Values are written as JSON, which is valid YAML, so names and sentences need no other quoting.
"""

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from auricle.bundles.manifest import Manifest

__all__ = ["hub_header", "mlmodel"]

_METRICS: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "macro_f1": "f1",
    "log_loss": "log_loss",
    "r2": "r_squared",
    "mae": "mae",
    "rmse": "rmse",
}
"""The Hub's name of each score."""


def mlmodel(manifest: "Manifest") -> str:
    """Return the descriptor of an unzipped bundle as an MLflow model, for ``mlflow.pyfunc.load_model(folder)``.

    Its input is names of sound files; :mod:`auricle.prediction.pyfunc` predicts them.

    Source: mlflow.org/docs, "MLflow Models", storage format.
    """
    return _yaml(
        {
            "artifact_path": manifest.name,
            "flavors": {
                "auricle": {"format": manifest.format, "data": "."},
                "python_function": {"loader_module": "auricle.prediction.pyfunc", "data": "."},
            },
            "metadata": {"name": manifest.name, "task": manifest.task, "classes": list(manifest.classes)},
            "signature": {"inputs": json.dumps([{"type": "string"}])},
            "utc_time_created": manifest.created,
        }
    )


def hub_header(manifest: "Manifest") -> str:
    """Return the YAML header of a model card on the Hugging Face Hub; the owner adds the licence.

    Source: huggingface/hub-docs, modelcard.md.
    """
    numbers = {name: manifest.scores.get(name) for name in _METRICS}
    metrics = [
        {"type": _METRICS[name], "name": name, "value": value}
        for name, value in numbers.items()
        if isinstance(value, float)
    ]
    is_classifier = manifest.task == "classify"
    task = {"type": "audio-classification" if is_classifier else "tabular-regression", "name": manifest.task}
    dataset = {"type": "private", "name": manifest.protocol or "held-out recordings"}
    results = [{"name": manifest.name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]
    header = {
        "library_name": "auricle",
        **({"pipeline_tag": "audio-classification"} if is_classifier else {}),
        "tags": ["audio", "onnx", manifest.family],
        **({"metrics": [metric["type"] for metric in metrics], "model-index": results} if metrics else {}),
    }
    return f"---\n{_yaml(header)}---\n"


def _yaml(values: dict[str, Any]) -> str:
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())
