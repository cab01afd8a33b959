"""What the monitor's benchmark watches: real recordings, with faults and without, answered by models trained on others.

Features are computed once and kept; each model is trained once on a part of a set, and answers the rest.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from faults import FAULTS
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Clip
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
from auricle.monitoring.sources.sample import Sample, reference_sample
from auricle.training.defaults import choose_spec
from auricle.training.train import train

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"
GROUPS = {"commands": "speaker", "esc10": "source", "fsdd": None}
N_TRAINED = {"commands": 900, "esc10": 160, "fsdd": 1500}
"""Of 1800, 400 and 3000 recordings; the others are watched."""
OTHERS = {"commands": "esc10", "esc10": "commands"}
"""Where sounds of a kind that was never heard come from."""


@dataclass(frozen=True, eq=False)
class Heard:
    """Recordings, as features, under one fault or none."""

    rows: NDArray[np.float32]
    standard: NDArray[np.float32]
    quality: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, eq=False)
class Watch:
    """A model, what it saw, and which recordings of its set it has not heard."""

    name: str
    data: Dataset
    bundle: Bundle
    reference: Sample
    unheard: NDArray[np.intp]

    @property
    def rate_hz(self) -> int:
        """What the model resamples to."""
        return self.bundle.manifest.spec.rate_hz


class Shelf:
    """Keeps features and models in a folder.

    Parameters
    ----------
    folder : where; made if it is not there
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._data: dict[str, Dataset] = {}
        self._heard: dict[str, Heard] = {}
        self._spec: dict[str, FeatureSpec] = {}
        self._watches: dict[tuple[str, int, str], Watch] = {}
        self._answered: dict[tuple[str, str | None, bool], Sample] = {}

    def data(self, name: str) -> Dataset:
        """Return a set."""
        if name not in self._data:
            self._data[name] = Dataset.load(RECORDINGS / name, group=GROUPS[name])
        return self._data[name]

    def spec(self, name: str) -> FeatureSpec:
        """Return the features that training chooses for a set."""
        if name not in self._spec:
            self._spec[name] = choose_spec(read_headers(self.data(name)))
        return self._spec[name]

    def heard(self, name: str, fault: str | None = None, *, by: str | None = None) -> Heard:
        """Return the features of a set's recordings; ``by`` is the set whose model listens, the same if not given."""
        by = by or name
        key = f"{name}_{fault or 'clean'}" + (f"_by_{by}" if by != name else "")
        if key not in self._heard:
            path = self.folder / f"{key}_{KERNEL_VERSION}_{quality.VERSION}.npz"
            if not path.exists():
                np.savez(path, **self._listen(name, fault, by).__dict__)
            with np.load(path) as kept:
                self._heard[key] = Heard(kept["rows"], kept["standard"], kept["quality"], int(kept["rate"]))
        return self._heard[key]

    def _listen(self, name: str, fault: str | None, by: str) -> Heard:
        spec = self.spec(by)
        extractor, standard = Extractor(spec), Extractor(standard_spec(spec.rate_hz))
        rows, standards, qualities = [], [], []
        for place, example in enumerate(self.data(name).examples):
            clip = read(example.file)
            if fault is not None:
                samples, rate_hz = FAULTS[fault](clip.samples, clip.rate_hz, np.random.default_rng([place, len(fault)]))
                clip = Clip(samples, rate_hz, source=clip.source)
            samples = resample(clip, spec.rate_hz).samples[: spec.window_samples]
            if by != name and not samples.any():
                continue
            rows.append(extractor.row(samples))
            standards.append(standard.row(samples))
            qualities.append(quality_row(quality.measure(samples, spec.rate_hz)))
        return Heard(np.stack(rows), np.stack(standards), np.stack(qualities), clip.rate_hz)

    def watch(self, name: str, seed: int, *, trained: NDArray[np.bool_] | None = None, kind: str = "all") -> Watch:
        """Train on a part of a set, of whole groups, unless it is kept from before.

        Parameters
        ----------
        trained : which recordings to train on; None for ``N_TRAINED`` of them
        kind : what the model is called on the shelf
        """
        if (name, seed, kind) in self._watches:
            return self._watches[name, seed, kind]
        data = self.data(name)
        chosen = _part(data, N_TRAINED[name], seed) if trained is None else trained
        path = self.folder / f"{name}_{seed}_{kind}_{KERNEL_VERSION}_{quality.VERSION}.auricle"
        if not path.exists():
            cache = FeatureCache(self.folder / "features")
            train(data.subset(np.flatnonzero(chosen)), models="linear", cache=cache).bundle.save(path)
        bundle = Bundle.load(path)
        watch = Watch(name, data, bundle, reference_sample(bundle), np.flatnonzero(~chosen))
        self._watches[name, seed, kind] = watch
        return watch

    def answered(self, watch: Watch, fault: str | None = None, *, other: bool = False) -> Sample:
        """Return what a model answers to the recordings that it has not heard, or to all of another set."""
        key = (watch.bundle.id, fault, other)
        if key not in self._answered:
            self._answered[key] = self._answer(watch, fault, other=other)
        return self._answered[key]

    def _answer(self, watch: Watch, fault: str | None, *, other: bool) -> Sample:
        name = OTHERS[watch.name] if other else watch.name
        heard, data = self.heard(name, fault, by=watch.name), self.data(name)
        places = np.arange(len(heard.rows)) if other else watch.unheard
        manifest, novelty = watch.bundle.manifest, watch.bundle.novelty
        logs = log_probabilities(Graph(watch.bundle.graph).predict(heard.rows[places]))
        answers = calibrate(logs, manifest.calibration.recording)
        standard, n = heard.standard[places], len(places)
        unlike = np.array(
            [
                novelty.score("recording", doubt=1.0 - float(p.max()), distance=novelty.distance(row))
                for p, row in zip(answers, standard, strict=True)
            ]
        )
        nat = np.full(n, np.datetime64("NaT", "us"))
        return Sample(
            model=watch.bundle.id,
            classes=manifest.classes,
            columns=manifest.standard.columns,
            ids=places.astype(str),
            times=nat,
            groups=np.array([f"{name} {data.groups[place]}" for place in places]),
            rows=standard,
            quality=heard.quality[places],
            outputs=answers.astype(np.float32),
            novelty=unlike.astype(np.float32),
            unknown=unlike > novelty.thresholds[1],
            rates_hz=np.full(n, heard.rate),
            truth=np.full(n, "unheard") if other else data.labels[places].astype(str),
            label_times=nat,
        )


def unlabelled(sample: Sample) -> Sample:
    """Return the sample as it is before anybody labels it."""
    return replace(sample, truth=np.full(len(sample), ""))


def joined(one: Sample, two: Sample) -> Sample:
    """Return the recordings of both."""
    arrays = {
        name: np.concatenate([getattr(one, name), getattr(two, name)])
        for name in Sample.__slots__
        if isinstance(getattr(one, name), np.ndarray)
    }
    return replace(one, **arrays)


def _part(data: Dataset, n: int, seed: int) -> NDArray[np.bool_]:
    """Choose whole groups of about ``n`` recordings; of every class alike, where a group is of one class."""
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
