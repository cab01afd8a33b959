"""Machine learning on sound: from labelled recordings to a model that works in the world and keeps working.

Names are imported at first use, so that ``import auricle`` is quick and a server loads no training code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auricle.audio.clip import Clip
    from auricle.audio.decode import read
    from auricle.bundles.bundle import Bundle
    from auricle.datasets.dataset import Dataset
    from auricle.evaluation.evaluate import Evaluation, evaluate
    from auricle.features.extractor import Extractor
    from auricle.features.spec import FeatureSpec
    from auricle.prediction.events import EventRules
    from auricle.prediction.predictor import Predictor, load
    from auricle.records import Prediction, Quality
    from auricle.training.train import train
    from auricle.training.transformer import AudioFeatures

__version__ = "0.1.0"

__all__ = [
    "AudioFeatures",
    "Bundle",
    "Clip",
    "Dataset",
    "Evaluation",
    "EventRules",
    "Extractor",
    "FeatureSpec",
    "Prediction",
    "Predictor",
    "Quality",
    "evaluate",
    "load",
    "read",
    "train",
]

_HOME = {
    "AudioFeatures": "auricle.training.transformer",
    "Bundle": "auricle.bundles.bundle",
    "Clip": "auricle.audio.clip",
    "Evaluation": "auricle.evaluation.evaluate",
    "Dataset": "auricle.datasets.dataset",
    "EventRules": "auricle.prediction.events",
    "Extractor": "auricle.features.extractor",
    "FeatureSpec": "auricle.features.spec",
    "Prediction": "auricle.records",
    "Predictor": "auricle.prediction.predictor",
    "Quality": "auricle.records",
    "evaluate": "auricle.evaluation.evaluate",
    "load": "auricle.prediction.predictor",
    "read": "auricle.audio.decode",
    "train": "auricle.training.train",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "features":
        return import_module("auricle.features")
    raise AttributeError(f"module 'auricle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "features"]
