"""The last step of the demo: serve, add noise, monitor, label, retrain, and compare accuracy before and after."""

import io
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import soundfile

from auricle.audio.clip import Samples
from auricle.audio.decode import read
from auricle.cli.terminal import err
from auricle.errors import WorkerError

if TYPE_CHECKING:
    from auricle.datasets.dataset import Dataset
    from auricle.features.cache import FeatureCache
    from auricle.prediction.predictor import Predictor
    from auricle.store.store import Store

__all__ = ["LoopResult", "close_the_loop"]

N_RECORDINGS = 128
N_LIVE = 100
N_NEW = 60
RATE_HZ = 8000
SNR_DB = 1.0
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class LoopResult:
    """The alarm, the decision, and accuracies on held-out recordings.

    Parameters
    ----------
    alarm : str
        State and sentence of the monitor's verdict.
    decision : str
        Sentence of the retraining.
    followed : bool
        Whether the server predicts with the promoted model.
    before, after : tuple of float
        Accuracy of the first and of the promoted model, without and with noise.
    """

    alarm: str
    decision: str
    followed: bool
    before: tuple[float, float]
    after: tuple[float, float]


def close_the_loop(folder: Path, *, seed: int, cache: "FeatureCache") -> LoopResult:
    """Train and serve a model, add noise to its requests, monitor it, label the predictions and retrain.

    Raises
    ------
    WorkerError : the server does not start
    """
    from auricle.bundles.bundle import Bundle
    from auricle.lifecycle.retrain import RetrainConfig, retrain
    from auricle.prediction.predictor import Predictor, load
    from auricle.store.store import Store
    from auricle.training.train import train

    folder.mkdir(parents=True, exist_ok=True)
    data, live = _fleet(folder / "pumps", N_RECORDINGS, seed + 1), _fleet(folder / "live", N_LIVE, seed + 77)
    path, database = folder / "pumps.auricle", folder / "pumps.db"
    for old in folder.glob("pumps.db*"):
        old.unlink()
    train(data, models="svm", name="pumps", seed=seed, cache=cache).bundle.save(path)
    champion, rng = load(path), np.random.default_rng(seed)
    with Store.open(str(database)) as store, _server(path, database) as url:
        ids = []
        for index, example in enumerate(live.examples):
            sound = _noisy(read(example.file).samples, rng)
            metadata = quote(json.dumps({"group": f"hall {index // 2}"}))
            ids.append(_request("POST", f"{url}/v1/predictions?metadata={metadata}", _flac(sound))["id"])
        alarm = _alarm(store, champion, folder / "alarm.html")
        err.print(f"The monitor: {alarm}", markup=False)
        for prediction_id, example in zip(ids, live.examples, strict=True):
            body = json.dumps({"label": example.label}).encode()
            _request("PUT", f"{url}/v1/predictions/{prediction_id}/feedback", body, kind="application/json")
        decision = retrain(store, data, RetrainConfig(name="pumps", seed=seed, who="auricle demo"), cache=cache)
        err.print(f"{N_LIVE} labels, and a retraining: {decision.sentence}", markup=False)
        champion_now = store.models.find("pumps")
        followed = _follows(url, _flac(read(live.examples[0].file).samples), champion_now.id)
        challenger = Predictor(Bundle.from_bytes(store.models.content(champion_now.digest)))
    new = _fleet(folder / "new", N_NEW, seed + 99)
    before, after = _accuracy(champion, new, seed), _accuracy(challenger, new, seed)
    return LoopResult(alarm, decision.sentence, followed, before=before, after=after)


def _fleet(folder: Path, n: int, seed: int) -> "Dataset":
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.synthesis import machines

    table = machines(folder, n=n, seed=seed, rate_hz=RATE_HZ, duration_s=1.0, n_machines=32, idle=0.3)
    return Dataset.load(table, label="label", group="machine")


def _noisy(samples: Samples, rng: np.random.Generator) -> Samples:
    noise = np.sqrt(np.mean(samples**2)) * 10 ** (-SNR_DB / 20) * rng.standard_normal(samples.size)
    return np.asarray(np.clip(samples + noise, -0.999, 0.999), np.float32)


def _flac(samples: Samples) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, RATE_HZ, format="FLAC", subtype="PCM_16")
    return content.getvalue()


def _accuracy(model: "Predictor", data: "Dataset", seed: int) -> tuple[float, float]:
    """Return the accuracy on recordings without and with noise."""
    rng, n_correct = np.random.default_rng(seed), np.zeros(2)
    for example in data.examples:
        clean = read(example.file).samples
        n_correct += [model.predict(_flac(sound)).label == example.label for sound in (clean, _noisy(clean, rng))]
    return float(n_correct[0]) / len(data), float(n_correct[1]) / len(data)


@contextmanager
def _server(model: Path, database: Path) -> Iterator[str]:
    """Serve a model in another process, on a free port of this machine; yield the URL."""
    command = ["serve", str(model), "--store", str(database), "--port", "0", "--keep-audio", "all", "--json"]
    with subprocess.Popen(  # noqa: S603  (our own command)
        [sys.executable, "-m", "auricle", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise WorkerError("The demo's server must start. It ended at once; try `auricle serve` by itself.")
            url = str(json.loads(line)["url"])
            _until_ready(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310  (ours)
                return
        except OSError:
            time.sleep(0.05)
    raise WorkerError(f"The demo's server must be ready within {TIMEOUT_S:g} s. It is not.")


def _request(method: str, url: str, body: bytes, *, kind: str = "application/octet-stream") -> dict[str, Any]:
    """Send a request to the server, again while it is overloaded, and return its JSON."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        request = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)  # noqa: S310  (ours)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310  (ours)
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or time.monotonic() > deadline:
                raise WorkerError(f"The demo's server must respond. It returned {error.code} to {method}.") from error
            time.sleep(0.1)


def _alarm(store: "Store", champion: "Predictor", page: Path) -> str:
    """Check the logged predictions, write the report, and return the state and the sentence of the verdict."""
    from auricle.monitoring.check import check
    from auricle.monitoring.report import build_report
    from auricle.monitoring.sources.from_store import samples_from_store
    from auricle.monitoring.sources.sample import reference_sample

    found, _ = samples_from_store(store.scan(), lambda _: champion.bundle)
    bundle, window = found[champion.name]
    result = check(reference_sample(bundle), window, model_rate_hz=bundle.manifest.spec.rate_hz)
    store.checks.add(champion.name, result.verdict.state, result.as_json())
    build_report([(result, bundle, window)]).save(page)
    return f"{result.verdict.state}. {result.verdict.sentence}"


def _follows(url: str, sound: bytes, model: str) -> bool:
    """Return whether the server switches to a model in time."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if _request("POST", f"{url}/v1/predictions", sound)["model"] == model:
            return True
        time.sleep(0.1)
    return False
