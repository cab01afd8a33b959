"""Compiled once after installation: later processes find every kernel on disk, and none needs a disk to work."""

import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import IndexDataCacheFile

from auricle.kernels.compiled import CacheFiles

USE = """
import numpy as np
from auricle.audio.quality import measure
from auricle.features.columns import FEATURES, STATISTICS
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec
from auricle.kernels import deltas, frames, framing, long_term, statistics, waveform

for n_fft in (512, 500):
    spec = FeatureSpec(n_fft=n_fft, n_mels=20, features=tuple(FEATURES), statistics=STATISTICS)
    Extractor(spec).row(np.ones(3000))
    measure(np.linspace(0, 1, 8000, dtype=np.float32), n_fft * 16)
of_features = [framing.all_within, frames.analyse, deltas.complete_values, statistics.summarise]
of_waveforms = [waveform.mean_and_range, waveform.block_powers, waveform.block_sums, waveform.count_beyond]
kernels = [*of_features, *of_waveforms, long_term.long_term_spectrum, long_term.count_steep_steps]
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels),
      sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels),
      sum(len(kernel.signatures) for kernel in kernels))
"""


def use() -> tuple[int, ...]:
    """Return cache hits, cache misses and compiled signatures of a fresh process that uses every kernel."""
    run = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return tuple(map(int, run.stdout.split()))


@pytest.mark.slow
def test_second_process_loads_every_kernel_from_the_cache() -> None:
    hits, misses, signatures = use()  # what the other tests compiled is found already
    assert hits + misses == signatures == 10  # one each: no argument varies its type
    assert use() == (10, 0, 10)


def test_kernels_work_without_a_cache_folder() -> None:
    alone = """
import numpy as np
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []
from auricle.kernels.framing import all_within
print(all_within(np.ones(100, np.float32), 2.0), all_within(np.full(100, np.nan, np.float32), 2.0))
"""
    run = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["True", "False"], run.stderr


def test_processes_that_compile_at_once_do_not_get_each_others_code(tmp_path: Path) -> None:
    class First(CacheFiles):
        def _load_index(self) -> dict[str, str]:
            return {}  # it looked before the second wrote

    class Second(CacheFiles):
        def _save_index(self, overloads: dict[str, str]) -> None:
            super()._save_index(overloads)
            First(tmp_path, "f", "stamp").save("float32", "code of float32")

    Second(tmp_path, "f", "stamp").save("float64", "code of float64")
    reader = IndexDataCacheFile(tmp_path, "f", "stamp")
    assert reader.load("float32") == "code of float32"
    assert reader.load("float64") in (None, "code of float64")
    CacheFiles(tmp_path, "f", "stamp").save("float64", "code of float64")
    assert [reader.load(key) for key in ("float32", "float64")] == ["code of float32", "code of float64"]
