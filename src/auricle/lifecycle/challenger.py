"""A challenge: what there is to learn from, the challenger that is trained on it, and how it meets the champion."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Progress
from auricle.datasets.one_pass import content_hash
from auricle.datasets.times import made_at
from auricle.errors import DataError, UsageError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.lifecycle import comparison
from auricle.lifecycle.journal import fingerprint
from auricle.lifecycle.label_selection import present_weights
from auricle.lifecycle.labelled_data import Chosen, Labelled, choose, examples_of, labelled
from auricle.lifecycle.promotion import PromotionDecision, decide_promotion
from auricle.models.blend import BLEND
from auricle.models.table import MODELS
from auricle.prediction.predictor import Predictor
from auricle.runtime.compute import parallel_map
from auricle.store.registry.models import Model
from auricle.store.store import Store
from auricle.training.train import train

__all__ = ["Challenger", "Recordings"]

OPERATOR = ""
"""The key of who labels at the machine itself."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Labelled recordings as files: those that the challenger learns from, and those that both are judged by."""

    learned: tuple[Example, ...]
    kept: tuple[Example, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Challenger:
    """What a challenger of one model is made of.

    Parameters
    ----------
    name : of the model
    champion : ready to answer
    data : the original data
    hashes : SHA-256 of each of its recordings, uint8, shape (n, 32)
    labels : what was labelled since
    chosen : which of it is used, and what for
    families : what is tried
    half_life_days : age at which a recording counts half in the fit
    seed : of the models and the folds
    """

    name: str
    champion: Predictor
    data: Dataset
    hashes: NDArray[np.uint8]
    labels: Labelled
    chosen: Chosen
    families: str
    half_life_days: float
    seed: int

    @classmethod
    def of(
        cls,
        store: Store,
        model: Model,
        data: Dataset,
        *,
        families: str | None,
        half_life_days: float,
        seed: int,
        workers: int | None,
    ) -> Self:
        """Read the champion and the labels, and choose among them.

        Raises
        ------
        DataError : data of another task
        UsageError : the champion's family cannot be trained again by its name
        StoreError : the store cannot be read
        """
        champion = Predictor(Bundle.from_bytes(store.models.content(model.digest), source=model.id))
        manifest, profile = champion.bundle.manifest, champion.bundle.profile
        if data.task != manifest.task:
            raise DataError(f"{data.source}: the data must be to {manifest.task}, as {model.id} is. It is {data.task}.")
        labels = labelled(store, model.name, is_class=bool(manifest.classes), n_standard=profile.rows.shape[1])
        trusted = {OPERATOR, *(key.id for key in store.keys.all() if "promote" in key.scopes)}
        hashes = np.stack(
            list(parallel_map(content_hash, [example.file for example in data.examples], workers=workers))
        )
        return cls(
            name=model.name,
            champion=champion,
            data=data,
            hashes=hashes,
            labels=labels,
            chosen=choose(labels, data, profile, trusted),
            families=families or _families(manifest.family),
            half_life_days=half_life_days,
            seed=seed,
        )

    @property
    def inputs(self) -> str:
        """The fingerprint of everything that the challenger depends on."""
        places = [*self.chosen.learned, *self.chosen.kept]
        return fingerprint(
            self.champion.bundle.version,
            self.hashes,
            [(e.label, e.target, e.group, e.start_s, e.end_s, e.time) for e in self.data.examples],
            [(str(self.labels.ids[place]), str(self.labels.truth[place])) for place in places],
            len(self.chosen.learned),
            self.families,
            self.half_life_days,
            self.seed,
        )

    @property
    def counts(self) -> Mapping[str, Any]:
        """How many labels there are, and how many are used for what."""
        return {"given": len(self.labels), **self.chosen.as_json()}

    @contextmanager
    def recordings(self, store: Store) -> Iterator[Recordings]:
        """Write the sounds that are used into a folder, which is gone afterwards."""
        now = self._present()
        weights = present_weights(self.labels.times, now, half_life_days=self.half_life_days)
        with tempfile.TemporaryDirectory(prefix="auricle-retrain-") as folder:
            learned, kept = (
                examples_of(store, self.labels, places, Path(folder), weights)
                for places in (self.chosen.learned, self.chosen.kept)
            )
            yield Recordings(learned, kept)

    def train(
        self,
        learned: tuple[Example, ...],
        *,
        workers: int | None = None,
        cache: FeatureCache | None = None,
        progress: Progress | None = None,
    ) -> Bundle:
        """Train the challenger, with the champion's features and the pretrained models that it reads.

        Raises
        ------
        AuricleError : whatever training refuses
        """
        manifest, present = self.champion.bundle.manifest, self._present()
        times = np.array([made_at(example.time) for example in self.data.examples])
        times[np.isnat(times)] = made_at(manifest.created)  # where no time is known, as old as the champion
        weights = present_weights(times, present, half_life_days=self.half_life_days)
        original = (replace(e, weight=float(w)) for e, w in zip(self.data.examples, weights, strict=True))
        own = [part for part in self.champion.extractor.blocks if isinstance(part, Embedding)]
        reads = {"auto", "embedding"} & set(self.families.split(","))
        return train(
            replace(self.data, examples=(*original, *learned)),
            models=self.families,
            embeddings=own if reads else (),
            spec=manifest.spec,
            name=self.name,
            seed=self.seed,
            workers=workers,
            skip_bad=True,
            cache=cache,
            progress=progress,
        ).bundle

    def judge(self, challenger: Bundle, kept: tuple[Example, ...], *, workers: int | None = None) -> PromotionDecision:
        """Let the challenger meet the champion, on the original data and on recordings that were kept for it.

        Raises
        ------
        DataError : data that is grouped otherwise than for the champion
        """
        known = self.champion.classes
        hold_out = comparison.hold_out(self.champion, challenger, self.data, self.hashes, workers=workers)
        recent = None
        if kept:
            recordings = replace(self.data, examples=kept)
            recent = comparison.recent(self.champion, Predictor(challenger), recordings, workers=workers)
        new_classes = tuple(label for label in challenger.manifest.classes if label not in known)
        return decide_promotion(hold_out, recent, new_classes=new_classes)

    def _present(self) -> np.datetime64:
        """Return the time of the last label: no weight, and so no challenger, depends on when it is trained."""
        if len(self.labels):
            return np.datetime64(self.labels.times.max(), "us")
        return made_at(self.champion.bundle.manifest.created)


def _families(family: str) -> str:
    """Return what to try where nothing is said: the champion's family again."""
    if family == BLEND:
        return "auto"
    if family not in MODELS:
        raise UsageError(f"The champion is a {family}, which cannot be trained again by its name. Name `models`.")
    return family
