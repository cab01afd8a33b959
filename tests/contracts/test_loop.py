"""The loop closes with nobody attending: noise comes, the watch says so, labels arrive, and a better model answers."""

import io
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.datasets.synthesis import machines
from auricle.prediction.predictor import Predictor
from auricle.store.store import Store
from auricle.training.train import train

RATE_HZ = 8000
SNR_DB = 1.0
N_KEYS = 6
PATIENCE_S = 240.0
"""For each answer that is waited for: on a machine that does much else, all of it together takes minutes."""


def fleet(folder: Path, n: int, seed: int) -> Dataset:
    """Return sounds of a second of 32 pumps, each of which stands still for a while."""
    table = machines(folder, n=n, seed=seed, rate_hz=RATE_HZ, duration_s=1.0, n_machines=32, idle=0.3)
    return Dataset.load(table, label="label", group="machine")


def noisy(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = np.sqrt(np.mean(samples**2)) * 10 ** (-SNR_DB / 20) * rng.standard_normal(samples.size)
    return np.clip(samples + noise, -0.999, 0.999).astype(np.float32)


def accuracy(model: Predictor, data: Dataset, *, with_noise: bool) -> float:
    rng, right = np.random.default_rng(5), 0
    for example in data.examples:
        clip = read(example.file)
        heard = soundfile_bytes(noisy(clip.samples, rng) if with_noise else clip.samples)
        right += model.predict(heard).label == example.label
    return right / len(data)


def soundfile_bytes(samples: np.ndarray) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, RATE_HZ, format="FLAC", subtype="PCM_16")
    return content.getvalue()


@contextmanager
def running(*command: object) -> Iterator[Callable[[Callable[[dict[str, Any]], bool]], dict[str, Any]]]:
    """Run a command that prints JSON lines; yield what waits for a line of a kind."""
    arguments = [sys.executable, "-c", "from auricle.cli.main import main; main()", *map(str, command)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        lines: queue.Queue[str] = queue.Queue()

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)

        threading.Thread(target=listen, daemon=True).start()

        def wait_for(is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                assert process.poll() is None, f"{command[0]} ended"
                try:
                    found = json.loads(lines.get(timeout=1))
                except queue.Empty:
                    continue
                if is_it(found):
                    return dict(found)
            raise AssertionError(f"{command[0]} did not say what was waited for")

        try:
            yield wait_for
        finally:
            process.terminate()
            process.wait(60)


def ask(client: httpx.Client, method: str, path: str, token: str, **options: Any) -> dict[str, Any]:
    """Ask the server, and wait where it says that there is too much to do."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)
        if answer.status_code not in (429, 503) or time.monotonic() > deadline:
            assert answer.is_success, answer.text
            return dict(answer.json())
        time.sleep(0.2)


@pytest.mark.slow
def test_the_loop_closes_unattended(tmp_path: Path) -> None:
    data, live = fleet(tmp_path / "data", 128, 1), fleet(tmp_path / "live", 100, 77)
    database, path = tmp_path / "pumps.db", tmp_path / "pumps.auricle"
    train(data, models="svm", name="pumps").bundle.save(path)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(str(database)))
        tokens = [store.keys.create(["predict", "feedback", "read"])[0] for _ in range(N_KEYS)]
        serve = ("serve", path, "--store", database, "--port", 0, "--keep-audio", "all", "--json")
        server = stack.enter_context(running(*serve))
        client = stack.enter_context(httpx.Client(base_url=server(lambda line: "url" in line)["url"], timeout=60))
        watch = ("watch", "--store", database, "--every", "1s", "--persist", "1/1", "--least-labels", 100, "--json")
        said = stack.enter_context(running(*watch, "--retrain", data.source, "--label", "label", "--group", "machine"))

        rng = np.random.default_rng(0)
        asked = []
        for index, example in enumerate(live.examples):
            body = soundfile_bytes(noisy(read(example.file).samples, rng))
            told = {"metadata": json.dumps({"group": f"hall {index // 2}"})}
            token = tokens[index % N_KEYS]
            asked.append(ask(client, "POST", "/v1/predictions", token, content=body, params=told)["id"])
        alarm = said(lambda line: line["verdict"] == "alarm" and line["recordings"] == len(live))
        assert "Noise rose by" in alarm["sentence"]

        for index, (identity, example) in enumerate(zip(asked, live.examples, strict=True)):
            where, label = f"/v1/predictions/{identity}/feedback", {"label": example.label}
            ask(client, "PUT", where, tokens[index % N_KEYS], json=label)
        retrained = said(lambda line: line["retrained"] is not None)["retrained"]
        assert retrained["outcome"] == "promoted", retrained["sentence"]
        sound = soundfile_bytes(read(live.examples[0].file).samples)
        deadline = time.monotonic() + PATIENCE_S
        while ask(client, "POST", "/v1/predictions", tokens[0], content=sound)["model"] != retrained["challenger"]:
            assert time.monotonic() < deadline, "the server did not follow"
        champion, challenger = (
            Predictor(Bundle.from_bytes(store.models.content(store.models.find(name).digest)))
            for name in (retrained["champion"], retrained["challenger"])
        )

    new = fleet(tmp_path / "new", 120, 99)
    clean, clean_then = (accuracy(model, new, with_noise=False) for model in (champion, challenger))
    lost, regained = (accuracy(model, new, with_noise=True) for model in (champion, challenger))
    assert clean - lost > 0.2
    assert regained - lost >= (clean - lost) / 2
    assert clean_then >= clean - 0.02
