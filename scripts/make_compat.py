#!/usr/bin/env python3
"""Write tests/compat/data: bundles, a store and kept features as this version writes them, for later ones to read.

What stands there was made at commit 0bdd1ff, the last before files and symbols were renamed. Do not make it anew to
turn a red test green: that a version still reads it is what is tested. Where a format changes on purpose, add to it.

Run it from the root of a checkout, with the extras test and serve, and torch: ``python scripts/make_compat.py FOLDER``.
"""

import hashlib
import json
import os
import runpy
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import auricle
from auricle.datasets.synthesis import machines
from auricle.features import cache as kept
from auricle.features.embeddings.card import EmbeddingCard, LogMelInput
from auricle.models.cnn.estimator import CnnClassifier
from auricle.models.cnn.settings import SIZES, Size
from auricle.store.store import Store

SOUND = runpy.run_path(str(Path(__file__).resolve().parents[1] / "tests" / "compat" / "conftest.py"))


def run(*arguments: object, code: int = 0, cwd: Path | None = None) -> str:
    """Return what a command prints, which must exit with ``code``."""
    command = [sys.executable, "-m", "auricle", *map(str, arguments)]
    ran = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=cwd)  # noqa: S603
    if ran.returncode != code:
        raise SystemExit(f"{' '.join(command)} must exit with {code}. It exited with {ran.returncode}.")
    return ran.stdout


def write_embedding(folder: Path) -> Path:
    """Write a pretrained model with its card: patches of 50 ms, and four fixed sums of each."""
    weight = 0.1 * np.random.default_rng(1).standard_normal((100, 4)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["embedding"])]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 5, 20])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    form = LogMelInput(
        n_fft=256, frame_samples=200, hop=80, n_mels=20, fmax_hz=4000.0, patch_frames=5, patch_hop_frames=5
    )
    card = EmbeddingCard(
        name="tiny", rate_hz=8000, input=form, output="embedding", size=4, licence="CC0-1.0", files=("tiny.onnx",)
    )
    (folder / "tiny.onnx").write_bytes(model.SerializeToString())
    (folder / "tiny.json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return folder / "tiny.onnx"


def make_bundles(folder: Path, table: Path, question: Path) -> dict[str, Any]:
    """Train one bundle of each kind, and return what each answers."""
    SIZES["small"] = Size((4, 8, 8, 8), 1)  # the network of a real training weighs a megabyte, and takes minutes
    CnnClassifier._most_epochs = 5  # noqa: SLF001
    embedding = str(folder / "tiny.onnx")
    kinds: dict[str, dict[str, Any]] = {
        "forest": {"models": "forest", "embeddings": []},
        "number": {"models": "linear", "embeddings": []},
        "network": {"models": "cnn", "embeddings": []},
        "embedding": {"models": "embedding", "embeddings": [embedding]},
    }
    answers = {}
    for name, settings in kinds.items():
        column = {"target": "rpm"} if name == "number" else {"label": "label"}
        dataset = auricle.Dataset.load(table, group="machine", **column)
        auricle.train(dataset, window_s=0.25, name=name, **settings).bundle.save(folder / f"{name}.auricle")
        model = auricle.load(folder / f"{name}.auricle")
        recording, windows = model.predict(question), model.windows(question)
        answers[name] = {"recording": recording.as_json(), "windows": [window.as_json() for window in windows]}
    return answers


def make_store(folder: Path, table: Path, scratch: Path) -> dict[str, Any]:
    """Fill a store as its commands do, and return what they then say of it."""
    path = folder / "store.sqlite"
    path.unlink(missing_ok=True)
    at = ("--store", f"sqlite:///{path}")
    run("models", "add", folder / "forest.auricle", "--why", "the first", *at)
    some = [f"sounds/{name}.wav" for name in ("low/0", "low/1", "high/0")]
    run("predict", folder / "forest.auricle", *some, *at, cwd=scratch)
    keys = [json.loads(run("keys", "create", "--scopes", "predict,read", "--name", n, "--json", *at)) for n in "ab"]
    run("keys", "revoke", keys[1]["id"], *at)
    labels = folder / "labels.csv"
    with closing(Store.open(at[1])) as store:
        identities = sorted(entry.id for entry in store.entries().entries)
    labels.write_text("id,label\n" + "".join(f"{i},healthy\n" for i in identities[:2]), encoding="utf-8")
    run("feedback", "import", labels, "--who", "ann", *at)
    labels.unlink()
    run("watch", "--once", *at)
    run("retrain", table, "--group", "machine", *at, code=1)  # refused: no sound was kept to learn from
    with closing(Store.open(at[1])) as store:
        told = {
            "entries": [
                {
                    "id": one.id,
                    "time": one.time.isoformat(),
                    "source": one.source,
                    "metadata": dict(one.metadata),
                    "predictions": [prediction.as_json() for prediction in one.predictions],
                    "arrays": hashlib.sha256(one.standard.tobytes() + one.rows.tobytes()).hexdigest(),
                }
                for one in map(store.entry, identities)
            ],
            "check": [[one.id, one.verdict, dict(one.body)] for one in store.checks.latest()],
        }
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("PRAGMA page_size=1024")  # most of its many tables hold a row or two
        database.execute("VACUUM")
    told |= {"tokens": [key["token"] for key in keys], "keys": json.loads(run("keys", "list", "--json", *at))}
    told |= {"models": json.loads(run("models", "list", "--json", *at))}
    told |= {"model": json.loads(run("models", "show", "forest", "--json", *at))}
    told |= {"feedback": json.loads(run("feedback", "export", "--json", *at))}
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    return told


def make_cache(folder: Path, sounds: Path) -> dict[str, Any]:
    """Keep the features of the sounds, and return which arrays lie under which key."""
    place = folder / "cache"
    shutil.rmtree(place, ignore_errors=True)
    os.environ["AURICLE_CACHE_DIR"] = str(place)
    run("inspect", sounds, "--json")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "any.auricle"
        run("train", sounds, "-o", out, "--models", "embedding", "--embedding", folder / "tiny.onnx", "--json")
    with closing(sqlite3.connect(place / "features.sqlite")) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        keys = [key for (key,) in database.execute("SELECT key FROM entries ORDER BY key")]
    with closing(kept.FeatureCache(place)) as cache:
        found = {key.hex(): cache.get(key) or {} for key in keys}
    with closing(sqlite3.connect(place / "features.sqlite")) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    entries = {
        key: {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
        for key, arrays in found.items()
    }
    return {"libraries": kept._VERSIONS, "entries": entries}  # noqa: SLF001


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["LOGNAME"] = "ann"  # who did it, as the store keeps it
    with tempfile.TemporaryDirectory() as name:
        scratch = SOUND["write_sounds"](Path(name))
        os.environ["AURICLE_CACHE_DIR"] = str(scratch / "features")
        told = {"sounds": SOUND["sounds_hash"](scratch)}
        table = machines(
            scratch / "machines", n=24, seed=1, rate_hz=8000, duration_s=0.5, n_machines=3, n_microphones=2
        )
        write_embedding(folder)
        told["bundles"] = make_bundles(folder, table, scratch / "question.wav")
        told["store"] = make_store(folder, table, scratch)
        told["cache"] = make_cache(folder, scratch / "sounds")
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    (folder / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
