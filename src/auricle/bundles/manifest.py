"""The manifest of a bundle: settings, classes, calibration and scores in ``manifest.json``, validated by pydantic."""

import json
from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from auricle.audio.channels import MEAN, check_channel
from auricle.bundles.aggregation import TemperatureScaling
from auricle.errors import AuricleError, BundleError, UsageError
from auricle.features.embeddings.card import EmbeddingCard
from auricle.features.spec import FeatureSpec
from auricle.tasks.table import Task

__all__ = ["FORMAT", "Calibration", "Interval", "Manifest", "Sets", "Target", "read_manifest"]

FORMAT: Final = 3
"""Version of the bundle's layout; a bundle of another version is refused."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """Temperature scaling of windows and of recordings, fitted on out-of-fold predictions."""

    window: TemperatureScaling = TemperatureScaling()
    recording: TemperatureScaling = TemperatureScaling()


class Interval(_Frozen):
    """Prediction interval of a recording's number: split conformal on out-of-fold recordings."""

    coverage: float
    half_width: float
    """In the target's unit."""


class Sets(_Frozen):
    """Prediction set of a recording's classes: split conformal on out-of-fold recordings."""

    coverage: float
    """Fraction of recordings with their true class in the set, as in training; of every class if ``per_class``."""
    thresholds: tuple[float, ...]
    """Smallest probability of each class in a recording's set."""
    per_class: bool


class Target(_Frozen):
    """Scale of a regressor's standardised output: ``value = mean + deviation * output``."""

    mean: float
    deviation: float


class Manifest(_Frozen):
    """Settings of a bundle; ``manifest.json`` in the file."""

    format: Literal[3] = FORMAT
    name: str
    task: Task
    classes: tuple[str, ...] = ()
    target: Target | None = None
    spec: FeatureSpec
    channel: str = MEAN
    """Channel of a recording that is heard: ``mean``, ``each``, ``max-energy`` or a number from 0."""
    quality: int = 6
    """Version of the quality measures in the profile."""
    calibration: Calibration = Calibration()
    interval: Interval | None = None
    """Of a regressor."""
    sets: Sets | None = None
    """Of a classifier."""
    event_thresholds: tuple[float, ...] = ()
    """Window probability at which an event of each class begins, chosen on out-of-fold windows; empty for 0.5."""
    family: str
    settings: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    """The held-out scores, as ``train --json`` prints them under ``test``."""
    verdict: str = ""
    protocol: str = ""
    """Protocol of the evaluation: folds and groups."""
    parts: tuple[str, ...] = ("pooled",)
    """Blocks of a row, in order: ``pooled``, ``image``, or the name of an embedding."""
    embeddings: tuple[EmbeddingCard, ...] = ()
    """Cards of the embeddings among the parts; their graphs are members of the file."""
    image: FeatureSpec | None = None
    """Spec of the image among the parts."""
    standard: FeatureSpec
    """Spec of the standard row: the compact named features that novelty and monitoring read for every model."""
    versions: dict[str, str] = {}
    """Libraries and their versions at training."""
    created: str = ""
    """ISO 8601, UTC; the only difference between equal trainings."""
    members: dict[str, str] = {}
    """SHA-256 of every other member of the file."""

    @property
    def min_samples(self) -> int:
        """Samples in the shortest sound that can be predicted: one frame."""
        return max(self.spec.n_fft, self.standard.n_fft)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Bundles that were made before these fields were keep their version.
        later = {"channel": MEAN, "quality": 6}
        content: dict[str, Any] = handler(self)
        return {name: value for name, value in content.items() if name not in later or value != later[name]}

    @model_validator(mode="after")
    def _check_channel(self) -> Self:
        try:
            check_channel(self.channel)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        described = ["pooled", *["image"] * (self.image is not None), *(card.name for card in self.embeddings)]
        parts = set(self.parts)
        if not parts or len(parts) < len(self.parts) or not set(described[1:]) <= parts <= set(described):
            raise ValueError(f"the parts of a row must be those described, {', '.join(described)}, each once")
        return self

    @model_validator(mode="after")
    def _check_task(self) -> Self:
        if (self.target is not None, bool(self.classes)) != (
            (True, False) if self.task == "regress" else (False, True)
        ):
            raise ValueError("a regressor must have a target and no classes, a classifier classes and no target")
        per_class = (self.calibration.window.bias, self.calibration.recording.bias, self.sets and self.sets.thresholds)
        if any(values and len(values) != len(self.classes) for values in per_class):
            raise ValueError("biases and the thresholds of sets must be one per class, or none")
        if self.event_thresholds and (
            len(self.event_thresholds) != len(self.classes) or not all(0 < t <= 1 for t in self.event_thresholds)
        ):
            raise ValueError("event thresholds must be probabilities above 0, one per class, or none")
        return self


def read_manifest(content: bytes, source: str) -> Manifest:
    """Read a manifest from its JSON.

    Parameters
    ----------
    content : bytes
    source : str
        Name of the bundle in messages.

    Raises
    ------
    BundleError : not JSON, of another format, or a key is missing, unknown or out of range
    """
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{source}: the bundle's manifest must be readable. {error}.") from error
    if isinstance(settings, dict) and settings.get("format") != FORMAT:
        raise BundleError(
            f"{source}: the bundle's format must be {FORMAT}. Got {settings.get('format')}; "
            "use the version of auricle that wrote it, or train again."
        )
    try:
        return Manifest.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "manifest"
        message = first["msg"][0].lower() + first["msg"][1:]
        raise BundleError(f"{source}: the bundle's manifest must be readable. `{key}`: {message}.") from error
    except AuricleError as error:  # the spec's own checks
        raise BundleError(f"{source}: {error}") from error
