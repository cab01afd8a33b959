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
def this_processor() -> dict[str, str]:
    """The environment of a process that uses all of this processor, beside tests that use what every processor has."""
    if os.environ.get("NUMBA_CPU_NAME") != "generic":
        pytest.skip("compares another processor with this one: `make test-generic`")
    limits = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_CACHE_DIR", "NPY_DISABLE_CPU_FEATURES")
    return {name: value for name, value in os.environ.items() if name not in limits}


def test_a_bundle_of_a_processor_that_rounds_products_loads_on_this_one(
    trained_on_states, this_processor: dict[str, str], rng: np.random.Generator, tmp_path: Path
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
    run = subprocess.run(command, env=this_processor, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for name, here in (("rows", rows), ("standard", standard)):
        there = np.load(tmp_path / f"{name}.npy")
        assert np.array_equal(there, here), np.abs(there - here).max()
