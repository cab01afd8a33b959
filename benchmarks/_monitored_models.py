"""Models and recordings of the monitoring benchmark: real recordings, with faults and without, and their predictions.

Features are computed once and cached; each model is trained once on a part of a set, and predicts the rest.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _faults import FAULTS
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Clip
from auricle.audio.clipping import ClippedRuns
from auricle.audio.decode import read
from auricle.audio.resample import resample
from auricle.bundles.aggregation import calibrate, log_probabilities
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.bundles.profile import quality_row
from auricle.datasets.dataset import Dataset
from auricle.datasets.headers import read_headers
from auricle.features.cache import FeatureCache
from auricle.features.extractor import Extractor
from auricle.features.spec import KERNEL_VERSION, FeatureSpec, standard_spec
from auricle.inspection.sample_rate import choose_rate
from auricle.monitoring.sources.sample import Sample, reference_sample
from auricle.training.defaults import choose_spec
from auricle.training.train import train

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"
GROUPS: Mapping[str, str | None] = {"commands": "speaker", "esc10": "source", "fsdd": None}
N_TRAINED = {"commands": 900, "esc10": 160, "fsdd": 1500}
"""Training recordings of 1800, 400 and 3000; the others are monitored."""
OTHER_SET = {"commands": "esc10", "esc10": "commands"}
"""Set that new kinds of sound come from."""


@dataclass(frozen=True, eq=False)
class RecordingFeatures:
    """Features of recordings under one fault, or none."""

    rows: NDArray[np.float32]
    standard: NDArray[np.float32]
    quality: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained model, its reference, and the indices of recordings not used in training."""

    name: str
    data: Dataset
    bundle: Bundle
    reference: Sample
    unseen: NDArray[np.intp]

    @property
    def rate_hz(self) -> int:
        """Sample rate that the model resamples to."""
        return self.bundle.manifest.spec.rate_hz


class ModelCache:
    """Caches features and models in a folder.

    Parameters
    ----------
    folder : Path
        Created if missing; of these groups only.
    groups : mapping of str to str
        Column of the groups by data set; None where each recording is its own.
    """

    def __init__(self, folder: Path, groups: Mapping[str, str | None] = GROUPS) -> None:
        self.folder, self.groups = folder, groups
        folder.mkdir(parents=True, exist_ok=True)
        self._data: dict[str, Dataset] = {}
        self._features: dict[str, RecordingFeatures] = {}
        self._spec: dict[str, FeatureSpec] = {}
        self._models: dict[tuple[str, int, str], TrainedModel] = {}
        self._predictions: dict[tuple[str, str | None, bool], Sample] = {}

    def data(self, name: str) -> Dataset:
        """Return a data set."""
        if name not in self._data:
            self._data[name] = Dataset.load(RECORDINGS / name, group=self.groups[name])
        return self._data[name]

    def spec(self, name: str) -> FeatureSpec:
        """Return the feature spec that training chooses for a set."""
        if name not in self._spec:
            headers = read_headers(self.data(name))
            self._spec[name] = choose_spec(headers, choose_rate(self.data(name), headers).rate_hz)
        return self._spec[name]

    def features(self, name: str, fault: str | None = None, *, by: str | None = None) -> RecordingFeatures:
        """Return the features of a set's recordings, under the spec of the set ``by`` (the same by default)."""
        by = by or name
        key = f"{name}_{fault or 'clean'}" + (f"_by_{by}" if by != name else "")
        if key not in self._features:
            path = self.folder / f"{key}_{KERNEL_VERSION}_{quality.VERSION}.npz"
            if not path.exists():
                aside = path.with_name(f"{os.getpid()}_{path.name}")  # other processes look for the same features
                np.savez(aside, **self._compute(name, fault, by).__dict__)
                aside.replace(path)
            with np.load(path) as kept:
                self._features[key] = RecordingFeatures(
                    kept["rows"], kept["standard"], kept["quality"], int(kept["rate"])
                )
        return self._features[key]

    def _compute(self, name: str, fault: str | None, by: str) -> RecordingFeatures:
        spec = self.spec(by)
        extractor, standard = Extractor(spec), Extractor(standard_spec(spec.rate_hz))
        rows, standards, qualities = [], [], []
        for index, example in enumerate(self.data(name).examples):
            clip = read(example.file)
            if fault is not None:
                samples, rate_hz = FAULTS[fault](clip.samples, clip.rate_hz, np.random.default_rng([index, len(fault)]))
                clip = Clip(samples, rate_hz, source=clip.source)
            samples = resample(clip, spec.rate_hz).samples[: spec.window_samples]
            if by != name and not samples.any():
                continue
            rows.append(extractor.row(samples))
            standards.append(standard.row(samples))
            runs = ClippedRuns(clip.rate_hz)
            runs.push(clip.samples)
            clipped = runs.fraction(0.0, samples.size / spec.rate_hz)
            qualities.append(quality_row(replace(quality.measure(samples, spec.rate_hz), clipped=clipped)))
        return RecordingFeatures(np.stack(rows), np.stack(standards), np.stack(qualities), clip.rate_hz)

    def train(
        self, name: str, seed: int, *, training_mask: NDArray[np.bool_] | None = None, kind: str = "all"
    ) -> TrainedModel:
        """Return a model trained on whole groups of a set, from the cache if possible.

        Parameters
        ----------
        name : str
            Data set.
        seed : int
        training_mask : bool, shape (n,), optional
            Training recordings; about ``N_TRAINED`` by default.
        kind : str
            Name in the cache.
        """
        if (name, seed, kind) in self._models:
            return self._models[name, seed, kind]
        data = self.data(name)
        chosen = _part(data, N_TRAINED[name], seed) if training_mask is None else training_mask
        path = self.folder / f"{name}_{seed}_{kind}_{KERNEL_VERSION}_{quality.VERSION}.auricle"
        if not path.exists():
            feature_cache = FeatureCache(self.folder / "features")
            train(data.subset(np.flatnonzero(chosen)), models="linear", cache=feature_cache).bundle.save(path)
        bundle = Bundle.load(path)
        trained = TrainedModel(name, data, bundle, reference_sample(bundle), np.flatnonzero(~chosen))
        self._models[name, seed, kind] = trained
        return trained

    def predict(self, trained: TrainedModel, fault: str | None = None, *, other: bool = False) -> Sample:
        """Return a model's predictions for recordings not used in training, or for all of another set."""
        key = (trained.bundle.id, fault, other)
        if key not in self._predictions:
            self._predictions[key] = self._predict(trained, fault, other=other)
        return self._predictions[key]

    def _predict(self, trained: TrainedModel, fault: str | None, *, other: bool) -> Sample:
        name = OTHER_SET[trained.name] if other else trained.name
        features, data = self.features(name, fault, by=trained.name), self.data(name)
        indices = np.arange(len(features.rows)) if other else trained.unseen
        manifest, novelty = trained.bundle.manifest, trained.bundle.novelty
        logs = log_probabilities(Graph(trained.bundle.graph).predict(features.rows[indices]))
        probabilities = calibrate(logs, manifest.calibration.recording)
        standard, n = features.standard[indices], len(indices)
        scores = np.array(
            [
                novelty.score("recording", doubt=1.0 - float(p.max()), distance=novelty.distance(row))
                for p, row in zip(probabilities, standard, strict=True)
            ]
        )
        nat = np.full(n, np.datetime64("NaT", "us"))
        return Sample(
            model=trained.bundle.id,
            classes=manifest.classes,
            columns=manifest.standard.columns,
            ids=indices.astype(str),
            times=nat,
            groups=np.array([f"{name} {data.groups[index]}" for index in indices]),
            rows=standard,
            quality=features.quality[indices],
            outputs=probabilities.astype(np.float32),
            novelty=scores.astype(np.float32),
            unknown=scores > novelty.thresholds[1],
            rates_hz=np.full(n, features.rate),
            truth=np.full(n, "unseen") if other else data.labels[indices].astype(str),
            label_times=nat,
            metadata={
                column: np.array([data.examples[index].metadata.get(column, "") for index in indices])
                for column in data.examples[0].metadata
            },
        )


def unlabelled(sample: Sample) -> Sample:
    """Return the sample without labels."""
    return replace(sample, truth=np.full(len(sample), "" if sample.classes else np.nan))


def concatenated(one: Sample, two: Sample) -> Sample:
    """Return the recordings of both samples."""
    arrays = {
        name: np.concatenate([getattr(one, name), getattr(two, name)])
        for name in Sample.__slots__
        if isinstance(getattr(one, name), np.ndarray)
    }
    columns = one.metadata.keys() & two.metadata.keys()
    return replace(
        one, **arrays, metadata={name: np.concatenate([one.metadata[name], two.metadata[name]]) for name in columns}
    )


def _part(data: Dataset, n: int, seed: int) -> NDArray[np.bool_]:
    """Choose whole groups of about ``n`` recordings, stratified by class where each group is of one class."""
    names, members = np.unique(data.groups, return_inverse=True)
    of_one_class = len(np.unique(np.char.add(data.groups.astype(str), data.labels.astype(str)))) == len(names)
    strata = data.labels.astype(str) if of_one_class and len(names) < len(data.examples) else np.zeros(len(members))
    rng, inside = np.random.default_rng(seed), np.zeros(len(members), np.bool_)
    for stratum in np.unique(strata):
        within = strata == stratum
        counts = np.bincount(members[within], minlength=len(names))
        order = rng.permutation(np.flatnonzero(counts))
        before = np.cumsum(counts[order]) - counts[order]
        inside |= within & np.isin(members, order[before < n * within.mean()])
    return inside
