"""What a bundle says of itself: ``manifest.json``, as pydantic reads and checks it."""

import json
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from auricle.bundles.aggregation import TemperatureScaling
from auricle.errors import AuricleError, BundleError
from auricle.features.embeddings.card import EmbeddingCard
from auricle.features.spec import FeatureSpec
from auricle.tasks.table import Task

__all__ = ["FORMAT", "Calibration", "Interval", "Manifest", "Sets", "Target", "read_manifest"]

FORMAT: Final = 3
"""Version of the bundle's layout; a bundle of another version is refused by name."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """What turns log-probabilities into probabilities, fitted on out-of-fold answers, for each level its own."""

    window: TemperatureScaling = TemperatureScaling()
    recording: TemperatureScaling = TemperatureScaling()


class Interval(_Frozen):
    """How far a recording's true number may lie from the answer: split conformal on out-of-fold recordings."""

    coverage: float
    half_width: float
    """In the target's unit."""


class Sets(_Frozen):
    """Which classes a recording may be: split conformal on out-of-fold recordings."""

    coverage: float
    """Part of recordings like those of training, of every class where ``per_class``, whose class is in its set."""
    thresholds: tuple[float, ...]
    """One a class: the least probability with which it is in a recording's set."""
    per_class: bool


class Target(_Frozen):
    """How a regressor's standardised number becomes the user's: ``value = mean + deviation * answer``."""

    mean: float
    deviation: float


class Manifest(_Frozen):
    """What the bundle says of itself; ``manifest.json`` in the file."""

    format: Literal[3] = FORMAT
    name: str
    task: Task
    classes: tuple[str, ...] = ()
    target: Target | None = None
    spec: FeatureSpec
    calibration: Calibration = Calibration()
    interval: Interval | None = None
    """For numbers."""
    sets: Sets | None = None
    """For classes."""
    event_thresholds: tuple[float, ...] = ()
    """Probability of a window at which an event begins, one a class, chosen on out-of-fold windows; none means 0.5."""
    family: str
    settings: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    """The held-out scores, as ``train --json`` prints them under ``test``."""
    verdict: str = ""
    protocol: str = ""
    """How the scores were taken: which folds, which groups."""
    parts: tuple[str, ...] = ("pooled",)
    """What a row is made of, end to end: ``pooled``, ``image``, or the name of an embedding."""
    embeddings: tuple[EmbeddingCard, ...] = ()
    """The cards of the embeddings among the parts; their graphs are members of the file."""
    image: FeatureSpec | None = None
    """What the image among the parts is."""
    standard: FeatureSpec
    """The compact row of named features, that novelty and monitoring look at whatever the model eats."""
    versions: dict[str, str] = {}
    """Libraries and their versions at training."""
    created: str = ""
    """ISO 8601, UTC: the one thing in which two equal trainings differ."""
    members: dict[str, str] = {}
    """SHA-256 of every other member of the file."""

    @property
    def min_samples(self) -> int:
        """Samples in the shortest sound that has an answer: one frame."""
        return max(self.spec.n_fft, self.standard.n_fft)

    @model_validator(mode="after")
    def _knows_its_parts(self) -> Self:
        known = ["pooled", *["image"] * (self.image is not None), *(card.name for card in self.embeddings)]
        named = set(self.parts)
        if not named or len(named) < len(self.parts) or not set(known[1:]) <= named <= set(known):
            raise ValueError(f"the parts of a row are those that are described, {', '.join(known)}, each once")
        return self

    @model_validator(mode="after")
    def _answers_its_task(self) -> Self:
        if (self.target is not None, bool(self.classes)) != (
            (True, False) if self.task == "regress" else (False, True)
        ):
            raise ValueError("a regressor has a target and no classes, a classifier classes and no target")
        per_class = (self.calibration.window.bias, self.calibration.recording.bias, self.sets and self.sets.thresholds)
        if any(values and len(values) != len(self.classes) for values in per_class):
            raise ValueError("biases and the thresholds of sets are one a class, or none at all")
        if self.event_thresholds and (
            len(self.event_thresholds) != len(self.classes) or not all(0 < t <= 1 for t in self.event_thresholds)
        ):
            raise ValueError("event thresholds are probabilities above 0, one a class, or none at all")
        return self


def read_manifest(content: bytes, source: str) -> Manifest:
    """Read a manifest from its JSON.

    Parameters
    ----------
    source : where the bundle comes from, for messages

    Raises
    ------
    BundleError : not JSON, of another format, or a key that is missing, unknown or out of its range
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
        place = ".".join(map(str, first["loc"])) or "manifest"
        message = first["msg"][0].lower() + first["msg"][1:]
        raise BundleError(f"{source}: the bundle's manifest must be readable. `{place}`: {message}.") from error
    except AuricleError as error:  # the spec's own checks
        raise BundleError(f"{source}: {error}") from error
