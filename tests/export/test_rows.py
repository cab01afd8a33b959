import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.bundles.graph_builder import GraphBuilder
from auricle.errors import ExportError
from auricle.export import rows as module
from auricle.export.blocks import pooled
from auricle.export.rows import WHOLE, row, rows
from auricle.features.columns import FEATURES, STATISTICS, UNPOOLED
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, default_spec, standard_spec

ALL = FeatureSpec(
    rate_hz=16_000,
    n_fft=512,
    hop=128,
    n_mels=40,
    features=tuple(FEATURES),
    statistics=STATISTICS,
    parts=3,
    trim_db=30.0,
)
SPECS = {
    "default": default_spec(16_000),
    "standard": standard_spec(16_000),
    "all": ALL,
    "windows": ALL.model_copy(update={"window_s": 0.3, "window_hop_s": 0.2, "trim_db": None}),
    "trimmed windows": default_spec(16_000).model_copy(update={"window_s": 0.25}),
    "modulation alone": ALL.model_copy(update={"features": ("modulation",)}),
}


def compare(run, spec, samples):
    got = run(lambda graph, value: rows(graph, value, spec, [pooled(spec)])[0][0], samples)
    expected = Extractor(spec).rows([Clip(samples, spec.rate_hz)], workers=1)
    assert got.shape == expected.shape
    scale = np.maximum(1.0, np.abs(expected))
    steep = np.array(["slope" in name for name in spec.columns])  # a slope amplifies differences
    assert (np.abs(got - expected) / scale)[:, ~steep].max(initial=0) < 1e-3
    assert (np.abs(got - expected) / scale)[:, steep].max(initial=0) < 1e-1


def test_every_group_without_frames_can_be_exported():
    assert WHOLE.keys() == UNPOOLED


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_rows_equal_the_extractors(run, sound, spec):
    compare(run, spec, sound)


@pytest.mark.parametrize("n", [512, 639, 640, 1000, 4800, 4801, 7000, 8000])
def test_short_recordings_are_pooled_at_their_own_length(run, sound, n):
    compare(run, SPECS["windows"], sound[:n])


@pytest.mark.parametrize("n", [512, 4800, 8000, 8001, 8128, 11_000, 16_000])
def test_windows_begin_where_the_extractors_begin(run, rng, n):
    spec = SPECS["windows"]
    samples = rng.standard_normal(n).astype(np.float32)
    got = run(lambda graph, value: rows(graph, value, spec, [pooled(spec)])[1], samples)
    assert got.tolist() == [window.start_samples for window in Extractor(spec).windows(Clip(samples, 16_000))]


def test_a_feature_that_cannot_be_exported_is_named(monkeypatch):
    monkeypatch.delitem(module.GROUPS, "flux")
    with pytest.raises(ExportError, match=r"among mfcc, .*, modulation to be exported\. Got flux\."):
        row(GraphBuilder(), "samples", ALL)
