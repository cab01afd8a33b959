"""Training data by spec: rows of feature blocks computed once, at first use, and targets standardised for fits."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auricle.features.spec import FeatureSpec
from auricle.training.search.training_data import TrainingData, TrainingDataBySpec

SPEC = FeatureSpec(rate_hz=8000, n_fft=256, hop=64, n_mels=20, window_s=0.2)
OTHER_MELS = SPEC.model_copy(update={"n_mels": 30})
OTHER_WINDOW = SPEC.model_copy(update={"window_s": 0.1})


@pytest.fixture
def data() -> TrainingData:
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    extra = np.full((4, 3), 9.0, np.float32)
    return TrainingData(rows, np.array([0, 0, 1, 1]), np.array([10.0, 30.0]), (), block_rows={"extra": extra})


def test_a_design_matrix_joins_feature_blocks_of_some_windows(data: TrainingData) -> None:
    assert data.design_matrix(("pooled",)) is data.rows
    joined = data.design_matrix(("extra", "pooled"), np.array([False, True, False, False]))
    np.testing.assert_array_equal(joined, [[9.0, 9.0, 9.0, 2.0, 3.0]])
    assert data.width("extra") == 3


def test_only_some_blocks_are_kept(data: TrainingData) -> None:
    kept = data.only(["extra"])
    assert len(kept.rows) == 0
    assert kept.block_rows.keys() == {"extra"}
    assert data.only(()).block_rows == {}


def test_numbers_are_standardised_by_the_recordings_of_the_fit_and_restored(data: TrainingData) -> None:
    scale = data.scale(np.array([True, True]))
    assert (scale.mean, scale.deviation) == (20.0, 10.0)
    np.testing.assert_array_equal(scale.restore(scale.standardize(data.truth)), data.truth)
    assert data.scale(np.array([True, False])).deviation == 1.0  # equal targets


def test_class_indices_are_not_scaled() -> None:
    data = TrainingData(np.zeros((2, 1), np.float32), np.arange(2), np.array([0, 1]), ("a", "b"))
    np.testing.assert_array_equal(data.scale(np.ones(2, bool)).standardize(data.truth), [0, 1])


def by_spec(calls: list[Any], **options: Any) -> TrainingDataBySpec:
    dataset: Any = SimpleNamespace(
        task="classify", classes=("a", "b"), labels=np.array(["a", "b"]), weights=None, groups=np.array(["1", "2"])
    )

    def make_features(spec: FeatureSpec) -> Any:
        calls.append(spec)
        return SimpleNamespace(rows=np.zeros((2, 4), np.float32), owner=np.arange(2))

    def make_block(spec: FeatureSpec, name: str) -> np.ndarray:
        calls.append((name, spec))
        return np.ones((2, 3), np.float32)

    return TrainingDataBySpec(dataset, make_features, make_block, **options)


def test_features_and_blocks_are_computed_once_at_first_use() -> None:
    calls: list[Any] = []
    data_by_spec = by_spec(calls)
    assert calls == []
    for _ in range(2):
        assert data_by_spec[SPEC].design_matrix(("pooled", "tiny")).shape == (2, 7)
    assert calls == [SPEC, ("tiny", SPEC)]
    np.testing.assert_array_equal(data_by_spec[SPEC].truth, [0, 1])


def test_specs_with_the_same_windows_share_their_blocks() -> None:
    calls: list[Any] = []
    data_by_spec = by_spec(calls)
    for spec in (SPEC, OTHER_MELS, OTHER_WINDOW):
        data_by_spec[spec].design_matrix(("tiny",))
    assert [call[0] for call in calls if isinstance(call, tuple)] == ["tiny", "tiny"]
    assert calls[-1] == ("tiny", OTHER_WINDOW)


def test_the_features_used_longest_ago_are_dropped_for_memory() -> None:
    calls: list[Any] = []
    data_by_spec = by_spec(calls, max_bytes=64)  # two tables of 32 bytes
    for spec in (SPEC, OTHER_MELS, SPEC, OTHER_WINDOW, SPEC, OTHER_MELS):
        data_by_spec[spec]
    assert calls == [SPEC, OTHER_MELS, OTHER_WINDOW, OTHER_MELS]
    assert set(data_by_spec) == {SPEC, OTHER_MELS}
