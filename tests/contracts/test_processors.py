"""A model travels: what one kind of processor made, another computes to the last bit."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.bundles.bundle import Golden
from auricle.bundles.graph import Graph
from auricle.features.extractor import Extractor

RATE_HZ = 8000
LOAD = """
import sys
import numpy as np
import auricle
from auricle.features.extractor import Extractor

bundle = auricle.load(sys.argv[1]).bundle
for spec, name in ((bundle.manifest.spec, "rows"), (bundle.manifest.standard, "standard")):
    np.save(f"{sys.argv[2]}/{name}.npy", np.stack([Extractor(spec).row(window) for window in bundle.golden.windows]))
"""


@pytest.fixture
def plain_processor(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a process that uses nothing beyond the first 64-bit processors."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(request.config.cache.mkdir("numba-generic")),
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
    }


def test_a_bundle_loads_on_a_processor_that_rounds_products(
    trained_on_states, plain_processor: dict[str, str], rng: np.random.Generator, tmp_path: Path
) -> None:
    """Pure tones and near silence, where what lies beside the sound is rounding alone."""
    time_s = np.arange(RATE_HZ // 5) / RATE_HZ
    tones = [peak * np.sin(2 * np.pi * hz * time_s) for peak in (1.0, 1e-3) for hz in (100, 440, 1000)]
    click, late = np.zeros(time_s.size), np.where(time_s < 0.1, 0, tones[1])
    click[time_s.size // 2] = 0.9
    sounds = [*tones, click, late, np.full(time_s.size, 0.1), 1e-7 * rng.standard_normal(time_s.size)]
    windows = [sound.astype(np.float32) for sound in sounds]
    bundle = trained_on_states.bundle
    rows, standard = (
        np.stack([Extractor(spec).row(window) for window in windows])
        for spec in (bundle.manifest.spec, bundle.manifest.standard)
    )
    golden = Golden(tuple(windows), rows, standard, Graph(bundle.graph).predict(rows))
    replace(bundle, golden=golden).save(tmp_path / "states.auricle")
    command = [sys.executable, "-c", LOAD, str(tmp_path / "states.auricle"), str(tmp_path)]
    run = subprocess.run(command, env=plain_processor, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for name, here in (("rows", rows), ("standard", standard)):
        there = np.load(tmp_path / f"{name}.npy")
        assert np.array_equal(there, here), np.abs(there - here).max()
