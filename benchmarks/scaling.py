"""Growth of training time with data: features and one fit of each family on 1, 4 and 16 times as many recordings.

Generated machine sounds of one second, so that it runs anywhere. Growth of 16 is linear; a kernel machine and nearest
neighbours compare every recording with every other.

Then the features of one training, with two embeddings: how often each recording is decoded for them, and what they
take. ``--against TREE`` measures another checkout beside this one, in alternating rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import extract
from auricle.datasets.headers import read_headers
from auricle.datasets.synthesis import machines
from auricle.inspection.sample_rate import choose_rate
from auricle.models.table import MODELS, estimator
from auricle.training.defaults import choose_spec
from auricle.training.search.candidates import Candidate, fit
from auricle.training.search.training_data import TrainingData

TIMES = (1, 4, 16)

FEATURES_OF_A_TRAINING = """
import json, sys, time
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from auricle.audio.decode import Sound
from auricle.datasets.dataset import Dataset
from auricle.features.embeddings.embedding import Embedding
from auricle.features.embeddings.card import EmbeddingCard, LogMelInput
from auricle.training.train import train

def embedding(name, seed):
    weight = 0.1 * np.random.default_rng(seed).standard_normal((96 * 64, 64)).astype(np.float32)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])],
        name,
        [value("x", TensorProto.FLOAT, ["n", 96, 64])],
        [value("y", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    form = LogMelInput(
        n_fft=512, frame_samples=400, hop=160, n_mels=64, fmax_hz=7500.0, patch_frames=96, patch_hop_frames=48,
        axes="ntf",
    )
    card = EmbeddingCard(
        name=name, rate_hz=16000, input=form, output="y", size=64, licence="CC0-1.0", files=(f"{name}.onnx",)
    )
    return Embedding(card, [model.SerializeToString()])

class Done(Exception):
    pass

def progress(stage, *_):
    if stage == "models":  # the features are there
        raise Done

decoded = []
blocks = Sound.blocks
Sound.blocks = lambda self, **part: decoded.append(self.name) or blocks(self, **part)
data = Dataset.load(sys.argv[1])
for some in (data.subset([*range(10), *range(len(data) - 10, len(data))]), data):  # the first compiles
    decoded.clear()
    started = time.perf_counter(), time.process_time()
    try:
        train(some, models="linear,embedding", embeddings=[embedding("one", 1), embedding("two", 2)], progress=progress)
    except Done:
        pass
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
print(json.dumps({"seconds": seconds[0], "processor_s": seconds[1], "decodes": len(decoded) / len(data)}))
"""


def measured(n: int, rounds: int) -> dict[str, float]:
    """Return seconds for the features of ``n`` recordings and for one fit of each family on all of them."""
    with tempfile.TemporaryDirectory() as folder:
        data = Dataset.load(machines(Path(folder), n=n, seed=0, duration_s=1.0), label="label")
        headers = read_headers(data)
        spec = choose_spec(headers, choose_rate(data, headers).rate_hz)
        extract(data.subset(range(4)), spec)  # compiles, where that is due
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            _, examples, _ = extract(data, spec)
            seconds.append(time.perf_counter() - started)
    table = TrainingData.of(data, examples)
    found = {"features": median(seconds)}
    with threadpool_limits(1):
        for family in (name for name in MODELS if MODELS[name].input_kind != "image"):
            seconds = []
            for _ in range(rounds):
                started = time.perf_counter()
                fit(Candidate(family, estimator(family, "classify", 0)), table.rows, table.truth, table.owner)
                seconds.append(time.perf_counter() - started)
            found[family] = median(seconds)
    return found


def features_of_a_training(n: int, rounds: int, trees: dict[str, Path]) -> dict[str, dict[str, float]]:
    """Return what the features of a training on ``n`` FLAC files of 5 s at 44.1 kHz take in each tree: medians."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(n):
            file = Path(folder) / "ab"[2 * index // n] / f"{index}.flac"
            file.parent.mkdir(exist_ok=True)
            soundfile.write(file, 0.1 * rng.standard_normal(5 * 44_100).clip(-9, 9), 44_100)
        for _ in range(rounds):
            for name, tree in trees.items():
                command = [sys.executable, "-c", FEATURES_OF_A_TRAINING, folder]
                environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
                ran = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
                found[name].append(json.loads(ran.stdout))
    return {name: {key: median(one[key] for one in ran) for key in ran[0]} for name, ran in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="from 24 recordings on, one round")
    parser.add_argument("--against", type=Path, metavar="TREE", help="another checkout to measure beside this one")
    arguments = parser.parse_args()
    first, rounds = (24, 1) if arguments.short else (100, 3)
    trees = {"here": Path(__file__).parents[1], **({"there": arguments.against} if arguments.against else {})}
    sizes = [first * times for times in TIMES]
    got = [measured(n, rounds) for n in sizes]
    passes = features_of_a_training(2 * first, rounds, trees)
    if arguments.json:
        flat = {f"{name}_{n}_s": one[name] for n, one in zip(sizes, got, strict=True) for name in one}
        flat |= {f"training_{name}_{key}": value for name, one in passes.items() for key, value in one.items()}
        print(json.dumps(flat | {f"{name}_growth": got[-1][name] / got[0][name] for name in got[0]}, indent=1))
        return
    print("recordings     " + "".join(f"{n:>10}" for n in sizes) + "    growth (16 is linear)")
    for name in got[0]:
        cells = "".join(f"{one[name]:>8.2f} s" for one in got)
        print(f"{name:15}{cells}    {got[-1][name] / got[0][name]:.1f}")
    print(f"\nfeatures of a training on {2 * first} FLAC files of 5 s at 44.1 kHz, with two embeddings")
    for name, one in passes.items():
        seconds = f"{one['seconds']:>8.2f} s, {one['processor_s']:.2f} s of processor time"
        print(f"{name:15}{seconds}; each recording decoded {one['decodes']:.2f} times")


if __name__ == "__main__":
    main()
