"""How training grows with data: 1, 4 and 16 times as many recordings, for the features and for one fit of each family.

Generated machine sounds of one second, so that it runs anywhere. Growth of 16 is linear; a kernel machine and nearest
neighbours compare every recording with every other, which is said here and not hidden.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

from threadpoolctl import threadpool_limits

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import extract
from auricle.datasets.headers import read_headers
from auricle.datasets.synthesis import machines
from auricle.models.table import MODELS, estimator
from auricle.training.defaults import choose_spec
from auricle.training.design_matrix import DesignMatrix
from auricle.training.search.candidates import Candidate, fit

TIMES = (1, 4, 16)


def measured(n: int, rounds: int) -> dict[str, float]:
    """Return seconds for the features of ``n`` recordings and for one fit of each family on all of them."""
    with tempfile.TemporaryDirectory() as folder:
        data = Dataset.load(machines(Path(folder), n=n, seed=0, duration_s=1.0), label="label")
        spec = choose_spec(read_headers(data))
        extract(data.subset(range(4)), spec)  # compiles, where that is due
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            _, examples, _ = extract(data, spec)
            seconds.append(time.perf_counter() - started)
    table = DesignMatrix.of(data, examples)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="from 24 recordings on, one round")
    arguments = parser.parse_args()
    first, rounds = (24, 1) if arguments.short else (100, 3)
    sizes = [first * times for times in TIMES]
    got = [measured(n, rounds) for n in sizes]
    if arguments.json:
        flat = {f"{name}_{n}_s": one[name] for n, one in zip(sizes, got, strict=True) for name in one}
        print(json.dumps(flat | {f"{name}_growth": got[-1][name] / got[0][name] for name in got[0]}, indent=1))
        return
    print("recordings     " + "".join(f"{n:>10}" for n in sizes) + "    growth (16 is linear)")
    for name in got[0]:
        cells = "".join(f"{one[name]:>8.2f} s" for one in got)
        print(f"{name:15}{cells}    {got[-1][name] / got[0][name]:.1f}")


if __name__ == "__main__":
    main()
