"""Challenger of a champion: the data it is trained on, its training, and its comparison with the champion."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from auricle.audio.channels import MEAN
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Progress
from auricle.datasets.headers import hear_channel, read_headers
from auricle.datasets.one_pass import content_hash
from auricle.datasets.times import made_at
from auricle.errors import DataError, UsageError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.lifecycle import comparison
from auricle.lifecycle.journal import fingerprint
from auricle.lifecycle.label_selection import age_weights
from auricle.lifecycle.labelled_data import LabelledRecordings, LabelSplit, load_labelled, split_labels, write_examples
from auricle.lifecycle.promotion import PromotionDecision, decide_promotion
from auricle.models.blend import BLEND
from auricle.models.table import MODELS
from auricle.prediction.predictor import Predictor
from auricle.runtime.compute import parallel_map
from auricle.store.registry.models import Model
from auricle.store.store import Store
from auricle.training.train import train

__all__ = ["Challenger", "RecordingFiles"]

FROZEN_SPLITS = frozenset({"test", "eval", "evaluation", "hold-out", "hold_out", "holdout"})
"""Values of the column ``split`` that name recordings that no model is trained on."""

NO_KEY = ""
"""Key of labels given on the machine itself, without an API key."""


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """Labelled recordings as files.

    Parameters
    ----------
    training : tuple of Example
        For the challenger's training.
    held_out : tuple of Example
        For the comparison of both models.
    """

    training: tuple[Example, ...]
    held_out: tuple[Example, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Challenger:
    """Data and settings of one challenger.

    Parameters
    ----------
    name : str
        Name of the model.
    champion : Predictor
    data : Dataset
        Original data, without the frozen hold-out.
    hashes : uint8, shape (n, 32)
        SHA-256 of each of its recordings.
    frozen : Dataset or None
        Recordings that neither model is trained on; None where the data have none.
    labels : LabelledRecordings
        Recordings labelled since.
    split : LabelSplit
        Their use for training or comparison.
    families : str
        Model families to try.
    half_life_days : float
        Age at which the weight of a recording is one half.
    seed : int
        Of the models and the folds.
    """

    name: str
    champion: Predictor
    data: Dataset
    hashes: NDArray[np.uint8]
    frozen: Dataset | None
    labels: LabelledRecordings
    split: LabelSplit
    families: str
    half_life_days: float
    seed: int

    @classmethod
    def prepare(
        cls,
        store: Store,
        model: Model,
        data: Dataset,
        *,
        families: str | None,
        half_life_days: float,
        seed: int,
        workers: int | None,
        hold_out: Dataset | None = None,
    ) -> Self:
        """Read the champion and the labels from the store, and split the labels.

        Raises
        ------
        DataError
            Data of another task, or a hold-out that a model was trained on.
        UsageError
            The champion's family cannot be trained by name.
        StoreError
            The store cannot be read.
        """
        champion = Predictor(Bundle.from_bytes(store.models.content(model.digest), source=model.id))
        manifest, profile = champion.bundle.manifest, champion.bundle.profile
        if data.task != manifest.task:
            raise DataError(f"{data.source}: the data must be to {manifest.task}, as {model.id} is. It is {data.task}.")
        labels = load_labelled(store, model.name, is_class=bool(manifest.classes), n_standard=profile.rows.shape[1])
        trusted = {NO_KEY, *(key.id for key in store.keys.all() if "promote" in key.scopes)}
        data, hashes, frozen = _frozen_hold_out(
            _heard(data, manifest.channel),
            None if hold_out is None else _heard(hold_out, manifest.channel),
            champion,
            workers,
        )
        return cls(
            name=model.name,
            champion=champion,
            data=data,
            hashes=hashes,
            frozen=frozen,
            labels=labels,
            split=split_labels(labels, data, profile, trusted, _standard_rows(champion, frozen, workers)),
            families=families or _families(manifest.family),
            half_life_days=half_life_days,
            seed=seed,
        )

    @property
    def inputs(self) -> str:
        """Fingerprint of everything that the challenger depends on."""
        indices = [*self.split.training, *self.split.held_out]
        return fingerprint(
            self.champion.bundle.version,
            self.hashes,
            [(e.label, e.target, e.group, e.start_s, e.end_s, e.time) for e in self.data.examples],
            [(str(self.labels.ids[i]), str(self.labels.truth[i])) for i in indices],
            len(self.split.training),
            None if self.frozen is None else [str(example.file) for example in self.frozen.examples],
            self.families,
            self.half_life_days,
            self.seed,
        )

    @property
    def counts(self) -> Mapping[str, Any]:
        """Number of labels, in total and by use, and of recordings in the frozen hold-out."""
        n_frozen = 0 if self.frozen is None else len(self.frozen)
        return {"given": len(self.labels), **self.split.as_json(), "frozen_hold_out": n_frozen}

    @contextmanager
    def write_recordings(self, store: Store) -> Iterator[RecordingFiles]:
        """Write the recordings to a temporary folder, which is deleted on exit."""
        weights = age_weights(self.labels.times, self._reference_time(), half_life_days=self.half_life_days)
        with tempfile.TemporaryDirectory(prefix="auricle-retrain-") as folder:
            training, held_out = (
                write_examples(store, self.labels, indices, Path(folder), weights)
                for indices in (self.split.training, self.split.held_out)
            )
            yield RecordingFiles(training, held_out)

    def train(
        self,
        recordings: tuple[Example, ...],
        *,
        workers: int | None = None,
        cache: FeatureCache | None = None,
        progress: Progress | None = None,
    ) -> Bundle:
        """Train the challenger with the champion's features and embeddings.

        Raises
        ------
        AuricleError
            Any error of the training.
        """
        manifest, present = self.champion.bundle.manifest, self._reference_time()
        times = np.array([made_at(example.time) for example in self.data.examples])
        times[np.isnat(times)] = made_at(manifest.created)  # as old as the champion, where unknown
        weights = age_weights(times, present, half_life_days=self.half_life_days)
        original = (replace(e, weight=float(w)) for e, w in zip(self.data.examples, weights, strict=True))
        embeddings = [part for part in self.champion.pipeline.blocks if isinstance(part, Embedding)]
        reads = {"auto", "embedding"} & set(self.families.split(","))
        return train(
            replace(self.data, examples=(*original, *recordings)),
            models=self.families,
            embeddings=embeddings if reads else (),
            spec=manifest.spec,
            channel=manifest.channel,
            name=self.name,
            seed=self.seed,
            workers=workers,
            skip_bad=True,
            cache=cache,
            progress=progress,
        ).bundle

    def compare(
        self, challenger: Bundle, held_out: tuple[Example, ...], *, workers: int | None = None
    ) -> PromotionDecision:
        """Compare the challenger with the champion, on the hold-out and on held-out labelled recordings.

        A frozen hold-out decides where there is one; otherwise out-of-fold predictions of the original data.

        Raises
        ------
        DataError
            Data grouped otherwise than for the champion.
        """
        known = self.champion.classes
        if self.frozen is not None:
            on_data = comparison.predict_frozen(self.champion, Predictor(challenger), self.frozen, workers=workers)
        else:
            on_data = comparison.predict_hold_out(self.champion, challenger, self.data, self.hashes, workers=workers)
        recent = None
        if held_out:
            recordings = replace(self.data, examples=held_out)
            recent = comparison.predict_recent(self.champion, Predictor(challenger), recordings, workers=workers)
        new_classes = tuple(label for label in challenger.manifest.classes if label not in known)
        return decide_promotion(on_data, recent, new_classes=new_classes)

    def _reference_time(self) -> np.datetime64:
        """Return the time of the last label, so that no weight depends on the time of the training."""
        if len(self.labels):
            return np.datetime64(self.labels.times.max(), "us")
        return made_at(self.champion.bundle.manifest.created)


def _heard(data: Dataset, channel: str) -> Dataset:
    """Return the data with the channel that the champion hears; kept sounds, of one channel, name theirs."""
    return data if channel == MEAN else hear_channel(data, read_headers(data), channel)


def _frozen_hold_out(
    data: Dataset, named: Dataset | None, champion: Predictor, workers: int | None
) -> tuple[Dataset, NDArray[np.uint8], Dataset | None]:
    """Part the data into those to learn from, with their hashes, and a hold-out that the champion never saw, if any.

    A hold-out that the user named must be new to both models. Of the data, recordings whose ``split`` says that they
    are for tests are the hold-out if the champion was trained on none of their groups; otherwise they are learned from,
    as the champion did.
    """
    hashes, profile = _hashes(data, workers), champion.bundle.profile
    trained = {digest.tobytes() for digest in profile.hashes}
    if named is not None:
        known = trained | {digest.tobytes() for digest in hashes}
        n_known = sum(digest.tobytes() in known for digest in _hashes(named, workers))
        if n_known:
            raise DataError(
                f"{named.source}: no recording of a hold-out may be in training. {n_known} of {len(named)} are in "
                f"{data.source} or in the training of {champion.name}: leave them out of one."
            )
        return data, hashes, named
    is_test = np.array([(example.split or "").strip().casefold() in FROZEN_SPLITS for example in data.examples], bool)
    learned = {*profile.groups.tolist(), *data.groups[~is_test].tolist()}
    is_seen = any(digest.tobytes() in trained for digest in hashes[is_test])
    if not is_test.any() or is_test.all() or is_seen or learned & set(data.groups[is_test].tolist()):
        return data, hashes, None
    return data.subset(np.flatnonzero(~is_test)), hashes[~is_test], data.subset(np.flatnonzero(is_test))


def _standard_rows(champion: Predictor, frozen: Dataset | None, workers: int | None) -> NDArray[np.float32] | None:
    """Return the standard feature rows of a frozen hold-out, by which its sounds are known among labelled ones."""

    def row(example: Example) -> NDArray[np.float32]:
        return champion.run(
            example.file, start_s=example.start_s, end_s=example.end_s, channel=example.named_channel
        ).standard_row()

    return None if frozen is None else np.stack(list(parallel_map(row, list(frozen.examples), workers=workers)))


def _hashes(data: Dataset, workers: int | None) -> NDArray[np.uint8]:
    return np.stack(list(parallel_map(content_hash, [example.file for example in data.examples], workers=workers)))


def _families(family: str) -> str:
    """Return the default families: that of the champion."""
    if family == BLEND:
        return "auto"
    if family not in MODELS:
        raise UsageError(f"The champion is a {family}, which cannot be trained again by its name. Name `models`.")
    return family
