"""The bundle: all that a model needs to be used, in one file that is data and never code."""

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from auricle import files
from auricle.bundles import container
from auricle.bundles.answers import Softening
from auricle.bundles.card import card
from auricle.bundles.novelty import Novelty
from auricle.bundles.profile import Profile
from auricle.errors import AuricleError, BundleError
from auricle.features.spec import FeatureSpec

__all__ = ["FORMAT", "Bundle", "Calibration", "Golden", "Interval", "Manifest", "Target"]

FORMAT: Final = 2
"""Version of the bundle's layout; a bundle of another version is refused by name."""

_CARD: Final = "README.md"

_KINDS: Final = {
    "profile/hashes": "u",
    "profile/groups": "U",
    "profile/truth": "Uf",
    "profile/chosen": "i",
    "novelty/columns": "i",
}
"""Kinds of NumPy type that arrays may have; those not named are floating point."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """What turns log-probabilities into probabilities, fitted on out-of-fold answers, for each level its own."""

    window: Softening = Softening()
    recording: Softening = Softening()


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

    format: Literal[2] = FORMAT
    name: str
    task: Literal["classify", "regress"]
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
    standard: FeatureSpec
    """The compact row of named features, that novelty and monitoring look at whatever the model eats."""
    versions: dict[str, str] = {}
    """Libraries and their versions at training."""
    created: str = ""
    """ISO 8601, UTC: the one thing in which two equal trainings differ."""
    members: dict[str, str] = {}
    """SHA-256 of every other member of the file."""

    @property
    def least_samples(self) -> int:
        """Samples in the shortest sound that has an answer: one frame."""
        return max(self.spec.n_fft, self.standard.n_fft)

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


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Windows of real training sound with what they must become: the proof that this machine computes the same.

    Parameters
    ----------
    windows : float32 samples at the spec's rate
    rows : float32, shape (n_windows, n_columns)
    standard : standard rows, float32, shape (n_windows, n_standard)
    answers : what the graph gave, float32, shape (n_windows, n_classes or 1)
    """

    windows: tuple[NDArray[np.float32], ...]
    rows: NDArray[np.float32]
    standard: NDArray[np.float32]
    answers: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A trained model with its features, proof, profile and card.

    Parameters
    ----------
    manifest : settings, classes, scores, versions
    graph : the ONNX model, serialised
    profile : what the model saw
    novelty : how unlike the training sound a sound is
    golden : windows with their expected rows and answers
    """

    manifest: Manifest
    graph: bytes
    profile: Profile
    novelty: Novelty
    golden: Golden

    MANIFEST: ClassVar[str] = "manifest.json"

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits over everything but the date: equal trainings have equal versions.

        The card says in words what the manifest holds, so it does not count: a file keeps its version when a later
        release words cards otherwise.
        """
        content = self._sealed().model_dump_json(exclude={"created": True, "members": {_CARD}})
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def id(self) -> str:
        """Name and version: what predictions say they come from."""
        return f"{self.manifest.name}@{self.version}"

    def save(self, path: str | Path) -> None:
        """Write the bundle's file, whole or not at all.

        Raises
        ------
        OutputError : the file cannot be written
        """
        files.write_bytes(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the bundle's file as bytes."""
        manifest = self._sealed().model_dump_json(indent=1).encode()
        return container.pack({self.MANIFEST: manifest, **self._members()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a bundle and verify every hash; :func:`~auricle.bundles.selftest.check` then proves that it computes.

        Raises
        ------
        BundleError : not a bundle, of another format, or damaged
        """
        return cls.from_bytes(container.read(path), source=str(path))

    @classmethod
    def from_bytes(cls, content: bytes, *, source: str = "bundle") -> Self:
        """Read a bundle from its bytes; as :meth:`load`."""
        members = container.unpack(content, source)
        manifest = _manifest(members.pop(cls.MANIFEST, b""), source)
        found = {name: hashlib.sha256(member).hexdigest() for name, member in members.items()}
        if found != manifest.members:
            wrong = sorted(
                name for name in found.keys() | manifest.members if found.get(name) != manifest.members.get(name)
            )
            raise BundleError(f"{source}: every member must have the hash that the manifest gives. {wrong[0]} has not.")
        try:
            n_golden = sum(name.startswith("golden/window") for name in members)
            return cls(
                manifest=manifest,
                graph=members["model.onnx"],
                profile=Profile(**{f.name: _array(members, f"profile/{f.name}") for f in fields(Profile)}),
                novelty=Novelty(**{f.name: _array(members, f"novelty/{f.name}") for f in fields(Novelty)}),
                golden=Golden(
                    windows=tuple(_array(members, f"golden/window{i}") for i in range(n_golden)),
                    rows=_array(members, "golden/rows"),
                    standard=_array(members, "golden/standard"),
                    answers=_array(members, "golden/answers"),
                ),
            )
        except BundleError as error:
            raise BundleError(f"{source}: {error}") from error
        except (KeyError, ValueError, SyntaxError, TokenError) as error:  # all but the first from NumPy's header
            raise BundleError(f"{source}: a bundle must hold all of its members as plain arrays. {error}.") from error

    def _sealed(self) -> Manifest:
        hashes = {name: hashlib.sha256(member).hexdigest() for name, member in sorted(self._members().items())}
        return self.manifest.model_copy(update={"members": hashes})

    def _members(self) -> dict[str, bytes]:
        return {
            _CARD: card(self.manifest, n_recordings=len(self.profile.hashes)).encode(),
            "model.onnx": self.graph,
            **{f"profile/{f.name}.npy": _npy(getattr(self.profile, f.name)) for f in fields(Profile)},
            **{f"novelty/{f.name}.npy": _npy(getattr(self.novelty, f.name)) for f in fields(Novelty)},
            **{f"golden/window{i}.npy": _npy(window) for i, window in enumerate(self.golden.windows)},
            "golden/rows.npy": _npy(self.golden.rows),
            "golden/standard.npy": _npy(self.golden.standard),
            "golden/answers.npy": _npy(self.golden.answers),
        }


def _manifest(content: bytes, source: str) -> Manifest:
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


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _array(members: Mapping[str, bytes], name: str) -> NDArray[Any]:
    """Read an array that holds what it should and is as long as its header says; the claim is never allocated."""
    content = members[f"{name}.npy"]
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("An array must be in version 1.0 of the format npy.")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    values = content[stream.tell() :]
    if dtype.kind not in _KINDS.get(name, "f"):
        raise ValueError(f"{name} must not be of type {dtype}.")
    if is_fortran or math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{name} promises {shape} {dtype}, and {len(values)} bytes are there.")
    return np.frombuffer(values, dtype).reshape(shape).copy()
