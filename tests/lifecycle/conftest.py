"""Models that exist as their answers only, and a small service: pumps, a champion, and noise that came over them."""

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
    """Return a maker of meetings: models that are right with given probabilities, and both with each other's."""

    def make(
        rng: np.random.Generator,
        *,
        where: Where = "hold-out",
        n: int = 160,
        champion: float = 0.8,
        challenger: float = 0.8,
        apart: float = 0.5,
        lies: float = 0.0,
    ) -> PairedPredictions:
        """Draw recordings and answers; `apart` is how far the two are right by separate luck, `lies` labels changed."""
        truth = np.tile(CLASSES, n // CLASSES.size + 1)[:n]
        luck, own = rng.random(n), rng.random((2, n))
        answers = []
        for right, mine in zip((champion, challenger), own, strict=True):
            drawn = np.where(rng.random(n) < apart, mine, luck)
            wrong = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
            answers.append(np.where(drawn < right, truth, wrong))
        changed = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
        told = np.where(rng.random(n) < lies, changed, truth)
        return PairedPredictions(where, told, answers[0], answers[1], np.array([f"machine {i // 4}" for i in range(n)]))

    return make


@dataclass(frozen=True)
class LoggedRecording:
    """A recording that the service answered: what is kept of it, its sound as FLAC, and what it was in truth."""

    entry: Entry
    flac: bytes
    label: str
    key: str


@pytest.fixture(scope="session")
def pumps(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The original data: 64 sounds of 0.3 s at 8 kHz, of 12 pumps in four states."""
    folder = tmp_path_factory.mktemp("pumps")
    table = machines(folder, n=64, seed=1, rate_hz=RATE_HZ, duration_s=0.3, n_machines=12, n_microphones=2)
    return Dataset.load(table, label="label", group="machine")


@pytest.fixture(scope="session")
def champion(pumps: Dataset) -> Predictor:
    """What was trained on the pumps."""
    return Predictor(train(pumps, models="svm", name="pumps", seed=0).bundle)


@pytest.fixture(scope="session")
def logged(champion: Predictor, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoggedRecording, ...]:
    """72 sounds of 12 other pumps in noise, as the champion answered them; six keys say what they were."""
    folder, rng = tmp_path_factory.mktemp("heard"), np.random.default_rng(0)
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
    """A store whose model is the champion, and which has heard nothing yet."""
    with Store.open(str(tmp_path / "store.db")) as opened:
        add_champion(opened, champion.bundle)
        yield opened


@pytest.fixture
def labelled_store(store: Store, logged: tuple[LoggedRecording, ...]) -> Store:
    """The same, with all that was heard, its sound, and what people said of it."""
    log_with_feedback(store, logged)
    return store


@pytest.fixture
def make_labelled_store(tmp_path: Path, logged: tuple[LoggedRecording, ...]) -> Iterator[Callable[[Bundle], Store]]:
    """Return a maker of such services, for another champion: as if it had answered what was heard."""
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
    """A retraining of the service, not promoted, and the challenger that it trained."""
    with Store.open(str(tmp_path_factory.mktemp("first") / "store.db")) as store:
        add_champion(store, champion.bundle)
        log_with_feedback(store, logged)
        found = retrain(store, pumps, RetrainConfig(promote="never"))
        digest = store.aliases.digest("pumps", "challenger")
        assert digest is not None
        return found, Bundle.from_bytes(store.models.content(digest))


def log_with_feedback(store: Store, logged: tuple[LoggedRecording, ...]) -> None:
    """Log what was heard, with its sound, and what people said of it."""
    with store.writer() as writer:
        for future in [writer.submit(one.entry, sound=one.flac) for one in logged]:
            future.result()
    told = store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label, key=one.key) for one in logged)
    assert all(isinstance(outcome, FeedbackEntry) for _, outcome in told)


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
    """Return what adds a bundle to a store as its champion."""
    return add_champion
