"""Fixtures: simulated paired predictions, and a labelled store with a champion and noisy recordings of pumps."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.datasets.synthesis import machines
from auricle.lifecycle.paired_predictions import PairedPredictions, Where
from auricle.lifecycle.retrain import RetrainConfig, Retrained, retrain
from auricle.prediction.log_entries import build_entry
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store
from auricle.training.train import train

CLASSES = np.array(["bark", "hum", "ring", "tick"])
SNR_DB = 3.0
RATE_HZ = 8000
KEYS = ("ada", "bob", "cyd", "dan", "eve", "fay")


@pytest.fixture(scope="session")
def make_paired() -> Callable[..., PairedPredictions]:
    """Return a maker of paired predictions of two models with given accuracies."""

    def make(
        rng: np.random.Generator,
        *,
        where: Where = "hold-out",
        n: int = 160,
        champion: float = 0.8,
        challenger: float = 0.8,
        independent: float = 0.5,
        wrong_labels: float = 0.0,
    ) -> PairedPredictions:
        """Draw predictions; `independent` is the share of independent errors, `wrong_labels` that of changed labels."""
        truth = np.tile(CLASSES, n // CLASSES.size + 1)[:n]
        shared, own = rng.random(n), rng.random((2, n))
        predictions = []
        for accuracy, mine in zip((champion, challenger), own, strict=True):
            drawn = np.where(rng.random(n) < independent, mine, shared)
            wrong = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
            predictions.append(np.where(drawn < accuracy, truth, wrong))
        changed = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
        labels = np.where(rng.random(n) < wrong_labels, changed, truth)
        return PairedPredictions(
            where=where,
            truth=labels,
            champion=predictions[0],
            challenger=predictions[1],
            groups=np.array([f"machine {i // 4}" for i in range(n)]),
        )

    return make


@dataclass(frozen=True)
class LoggedRecording:
    """A logged recording: its entry, its sound as FLAC, its true class, and the key that labels it."""

    entry: Entry
    flac: bytes
    label: str
    key: str


@pytest.fixture(scope="session")
def pumps(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Original data: 64 recordings of 0.3 s at 8 kHz, of 12 pumps in four states."""
    folder = tmp_path_factory.mktemp("pumps")
    table = machines(folder, n=64, seed=1, rate_hz=RATE_HZ, duration_s=0.3, n_machines=12, n_microphones=2)
    return Dataset.load(table, label="label", group="machine")


@pytest.fixture(scope="session")
def champion(pumps: Dataset) -> Predictor:
    """Champion, trained on the pumps."""
    return Predictor(train(pumps, models="svm", name="pumps", seed=0).bundle)


@pytest.fixture(scope="session")
def logged(champion: Predictor, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoggedRecording, ...]:
    """72 noisy recordings of 12 other pumps with the champion's predictions, labelled by six keys."""
    folder, rng = tmp_path_factory.mktemp("logged"), np.random.default_rng(0)
    table = machines(folder, n=72, seed=77, rate_hz=RATE_HZ, duration_s=0.3, n_machines=12, n_microphones=2)
    found = []
    for index, example in enumerate(Dataset.load(table, label="label", group="machine").examples):
        samples = read(example.file).samples
        noise = np.sqrt(np.mean(samples**2)) * 10 ** (-SNR_DB / 20) * rng.standard_normal(samples.size)
        sound = np.clip(samples + noise, -0.999, 0.999).astype(np.float32)
        flac = io.BytesIO()
        soundfile.write(flac, sound, RATE_HZ, format="FLAC", subtype="PCM_16")
        stream = Stream(champion.loaded, rate_hz=RATE_HZ, source=example.file.name)
        stream.feed(read(flac.getvalue()).samples)
        key = KEYS[index % len(KEYS)]
        kept = build_entry(stream, stream.finish(), group=f"site 2, {example.group}", key=key)
        found.append(LoggedRecording(kept, flac.getvalue(), str(example.label), key))
    return tuple(found)


@pytest.fixture
def store(tmp_path: Path, champion: Predictor) -> Iterator[Store]:
    """A store with the champion and an empty log."""
    with Store.open(str(tmp_path / "store.db")) as opened:
        add_champion(opened, champion.bundle)
        yield opened


@pytest.fixture
def labelled_store(store: Store, logged: tuple[LoggedRecording, ...]) -> Store:
    """The same with logged recordings, their sound, and labels."""
    log_with_feedback(store, logged)
    return store


@pytest.fixture
def make_labelled_store(tmp_path: Path, logged: tuple[LoggedRecording, ...]) -> Iterator[Callable[[Bundle], Store]]:
    """Return a maker of such stores for another champion."""
    with ExitStack() as stores:

        def make(bundle: Bundle) -> Store:
            opened = stores.enter_context(Store.open(str(tmp_path / "other.db")))
            add_champion(opened, bundle)
            log_with_feedback(opened, tuple(replace(one, entry=replace(one.entry, model=bundle.id)) for one in logged))
            return opened

        yield make


@pytest.fixture(scope="session")
def first_retraining(
    pumps: Dataset, champion: Predictor, logged: tuple[LoggedRecording, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Retrained, Bundle]:
    """A retraining of the labelled store without promotion, and its challenger."""
    with Store.open(str(tmp_path_factory.mktemp("first") / "store.db")) as store:
        add_champion(store, champion.bundle)
        log_with_feedback(store, logged)
        found = retrain(store, pumps, RetrainConfig(promote="never"))
        digest = store.aliases.digest("pumps", "challenger")
        assert digest is not None
        return found, Bundle.from_bytes(store.models.content(digest))


def log_with_feedback(store: Store, logged: tuple[LoggedRecording, ...]) -> None:
    """Log recordings with their sound and labels."""
    with store.writer() as writer:
        for future in [writer.submit(one.entry, sound=one.flac) for one in logged]:
            future.result()
    outcomes = store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label, key=one.key) for one in logged)
    assert all(isinstance(outcome, FeedbackEntry) for _, outcome in outcomes)


def add_champion(store: Store, bundle: Bundle) -> str:
    """Add a bundle and make it the champion; return its digest."""
    manifest = bundle.manifest
    model = store.models.add(
        bundle.to_bytes(), name=manifest.name, version=bundle.version, task=manifest.task, classes=manifest.classes
    )
    store.aliases.promote(manifest.name, model.digest, expected=store.aliases.digest(manifest.name))
    return model.digest


@pytest.fixture(scope="session")
def add() -> Callable[[Store, Bundle], str]:
    """Return a function that adds a bundle to a store as its champion."""
    return add_champion


@pytest.fixture(scope="session")
def log(logged: tuple[LoggedRecording, ...]) -> Callable[[Store], None]:
    """Return a function that logs the labelled recordings in a store."""
    return lambda store: log_with_feedback(store, logged)
