"""The bundle: a trained model with its features, profile, card and self-test, in one file without code."""

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from auricle.bundles import container
from auricle.bundles.card import card
from auricle.bundles.external_metadata import mlmodel
from auricle.bundles.manifest import Manifest, read_manifest
from auricle.bundles.novelty import Novelty
from auricle.bundles.profile import Profile, decode_metadata, encode_metadata
from auricle.errors import BundleError, FeatureError, ModelError
from auricle.features.embeddings.card import EmbeddingCard
from auricle.features.embeddings.embedding import Embedding
from auricle.features.image import Image
from auricle.features.pipeline import IMAGE, POOLED, FeatureBlock, FeaturePipeline
from auricle.runtime import files

__all__ = ["Bundle", "Golden"]

_CARD: Final = "README.md"
_MLMODEL: Final = "MLmodel"
_METADATA: Final = "profile/metadata.json"  # only where there are columns: older bundles keep their version

_KINDS: Final = {
    "profile/hashes": "u",
    "profile/groups": "U",
    "profile/truth": "Uf",
    "profile/chosen": "i",
    "novelty/columns": "i",
}
"""Allowed NumPy kinds of arrays; floating point for those not named."""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Windows of training sound with their expected rows and model outputs, for the self-test.

    Parameters
    ----------
    windows : tuple of float32, shape (n,)
        Samples at the spec's rate.
    rows : float32, shape (n_windows, n_columns)
    standard : float32, shape (n_windows, n_standard)
        Standard rows.
    answers : float32, shape (n_windows, n_classes or 1)
        Outputs of the graph.
    """

    windows: tuple[NDArray[np.float32], ...]
    rows: NDArray[np.float32]
    standard: NDArray[np.float32]
    answers: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A trained model with its features, self-test, profile and card.

    Parameters
    ----------
    manifest : Manifest
        Settings, classes, scores and versions.
    graph : bytes
        The serialised ONNX model.
    profile : Profile
        Reference of the training data.
    novelty : Novelty
        Out-of-distribution detection.
    golden : Golden
        Windows with their expected rows and outputs.
    embeddings : mapping of str to tuple of bytes
        ONNX graphs of each pretrained model, by the name of its card in the manifest.

    Examples
    --------
    >>> import tempfile
    >>> from auricle.datasets.dataset import Dataset
    >>> from auricle.datasets.synthesis import machines
    >>> from auricle.training.train import train
    >>> folder = Path(tempfile.mkdtemp())
    >>> sounds = Dataset.load(machines(folder, n=12, duration_s=0.5), label="label", group="machine")
    >>> bundle = train(sounds, models="linear").bundle
    >>> bundle.save(folder / "model.auricle")
    >>> Bundle.load(folder / "model.auricle").version == bundle.version
    True
    """

    manifest: Manifest
    graph: bytes
    profile: Profile
    novelty: Novelty
    golden: Golden
    embeddings: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    MANIFEST: ClassVar[str] = "manifest.json"

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits of a hash over everything but the date: equal trainings have equal versions.

        The card and MLflow's descriptor only repeat the manifest and do not count: a file keeps its version when a
        later release changes their wording.
        """
        content = self._sealed().model_dump_json(exclude={"created": True, "members": {_CARD, _MLMODEL}})
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def id(self) -> str:
        """Name and version, as predictions give them."""
        return f"{self.manifest.name}@{self.version}"

    def features(self) -> FeaturePipeline:
        """Return the pipeline of the model's rows and the standard rows, with its embeddings opened.

        Raises
        ------
        BundleError : the graph of an embedding is not the file that its card names, or does not fit it
        """
        manifest = self.manifest
        blocks: dict[str, FeatureBlock | Literal["pooled"]] = {POOLED: POOLED}
        try:
            if manifest.image is not None:
                blocks[IMAGE] = Image(manifest.image)
            for card in manifest.embeddings:
                blocks[card.name] = Embedding(card, self.embeddings.get(card.name, ()))
        except (ModelError, FeatureError) as error:
            raise BundleError(f"{self.id}: every part of a row must load. {error}") from error
        return FeaturePipeline(manifest.spec, [blocks[name] for name in manifest.parts], standard=manifest.standard)

    def save(self, path: str | Path) -> None:
        """Write the bundle to a file, whole or not at all.

        Raises
        ------
        OutputError : the file cannot be written
        """
        files.write_bytes(path, self.to_bytes())

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes, and be copied, as the bundle's file: its hashes are verified on arrival."""
        return type(self).from_bytes, (self.to_bytes(),)

    def to_bytes(self) -> bytes:
        """Return the bundle's file as bytes."""
        manifest = self._sealed().model_dump_json(indent=1).encode()
        return container.pack({self.MANIFEST: manifest, **self._members()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a bundle and verify every hash; :func:`~auricle.bundles.self_test.check` runs its self-test.

        Raises
        ------
        BundleError : not a bundle, of another format, or damaged
        """
        return cls.from_bytes(container.read(path), source=str(path))

    @classmethod
    def from_bytes(cls, content: bytes, *, source: str = "bundle") -> Self:
        """Read a bundle from bytes; errors as :meth:`load`."""
        members = container.unpack(content, source)
        manifest = read_manifest(members.pop(cls.MANIFEST, b""), source)
        found = {name: hashlib.sha256(member).hexdigest() for name, member in members.items()}
        if found != manifest.members:
            wrong = sorted(
                name for name in found.keys() | manifest.members if found.get(name) != manifest.members.get(name)
            )
            raise BundleError(f"{source}: every member must have its hash in the manifest. {wrong[0]} does not.")
        try:
            n_golden = sum(name.startswith("golden/window") for name in members)
            return cls(
                manifest=manifest,
                graph=members["model.onnx"],
                profile=Profile(
                    **{name: _array(members, f"profile/{name}") for name in Profile.arrays()},
                    metadata=decode_metadata(members.get(_METADATA, b"{}")),
                ),
                novelty=Novelty(**{f.name: _array(members, f"novelty/{f.name}") for f in fields(Novelty)}),
                golden=Golden(
                    windows=tuple(_array(members, f"golden/window{i}") for i in range(n_golden)),
                    rows=_array(members, "golden/rows"),
                    standard=_array(members, "golden/standard"),
                    answers=_array(members, "golden/answers"),
                ),
                embeddings={
                    card.name: tuple(members[_graph_name(card, file)] for file in card.files)
                    for card in manifest.embeddings
                },
            )
        except BundleError as error:
            raise BundleError(f"{source}: {error}") from error
        except (
            KeyError,
            ValueError,
            SyntaxError,
            TokenError,
        ) as error:  # SyntaxError and TokenError from NumPy's header
            raise BundleError(f"{source}: a bundle must hold all of its members as plain arrays. {error}.") from error

    def _sealed(self) -> Manifest:
        hashes = {name: hashlib.sha256(member).hexdigest() for name, member in sorted(self._members().items())}
        return self.manifest.model_copy(update={"members": hashes})

    def _members(self) -> dict[str, bytes]:
        return {
            _CARD: card(self.manifest, n_recordings=len(self.profile.hashes)).encode(),
            _MLMODEL: mlmodel(self.manifest).encode(),
            "model.onnx": self.graph,
            **{f"profile/{name}.npy": _npy(getattr(self.profile, name)) for name in Profile.arrays()},
            **({_METADATA: encode_metadata(self.profile.metadata)} if self.profile.metadata else {}),
            **{f"novelty/{f.name}.npy": _npy(getattr(self.novelty, f.name)) for f in fields(Novelty)},
            **{f"golden/window{i}.npy": _npy(window) for i, window in enumerate(self.golden.windows)},
            "golden/rows.npy": _npy(self.golden.rows),
            "golden/standard.npy": _npy(self.golden.standard),
            "golden/answers.npy": _npy(self.golden.answers),
            **{
                _graph_name(embedding, file): graph
                for embedding in self.manifest.embeddings
                for file, graph in zip(embedding.files, self.embeddings[embedding.name], strict=True)
            },
        }


def _graph_name(card: EmbeddingCard, file: str) -> str:
    return f"embeddings/{card.name}/{file}"


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _array(members: Mapping[str, bytes], name: str) -> NDArray[Any]:
    """Read an array and check its type and length; memory is never allocated on the header's word."""
    content = members[f"{name}.npy"]
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("An array must be in version 1.0 of the format npy.")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    values = content[stream.tell() :]
    if dtype.kind not in _KINDS.get(name, "f"):
        raise ValueError(f"{name} must not be of type {dtype}.")
    if is_fortran or math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{name} must hold {shape} {dtype} as its header says. It holds {len(values)} bytes.")
    return np.frombuffer(values, dtype).reshape(shape).copy()
