import pytest

from auricle.features.columns import FEATURES, STATISTICS, UNPOOLED, contrast_bands, modulation_edges_hz
from auricle.features.spec import FeatureSpec


def test_column_names() -> None:
    spec = FeatureSpec(features=tuple(FEATURES), statistics=STATISTICS, parts=2, part_statistics=("mean",))
    expected = {"mfcc03_mean", "mel12_p95", "mfcc03_mean_part2", "mfcc00_delta_std", "mel127_delta_max"}
    assert expected | {"contrast06_min", "chroma_fs_slope", "centroid_mean_part1", "mel12_mod4hz"} <= set(spec.columns)
    assert len(set(spec.columns)) == len(spec.columns)


def test_columns_follow_the_order_of_the_spec() -> None:
    spec = FeatureSpec(features=("rms", "centroid"), statistics=("max", "mean"), parts=2, part_statistics=("mean",))
    assert spec.columns == (
        *("rms_max", "centroid_max", "rms_mean", "centroid_mean"),
        *("rms_mean_part1", "centroid_mean_part1", "rms_mean_part2", "centroid_mean_part2"),
    )


@pytest.mark.parametrize("feature", sorted(set(FEATURES) - UNPOOLED))
def test_each_group_has_columns_of_its_own(feature: str) -> None:
    spec = FeatureSpec(features=(feature,), statistics=("mean",))
    assert len(spec.columns) == len(FEATURES[feature](spec))
    assert all(name.endswith("_mean") for name in spec.columns)


@pytest.mark.parametrize(("rate_hz", "bands"), [(400, 0), (401, 1), (8000, 5), (16_000, 6), (192_000, 6)])
def test_contrast_has_the_octaves_that_begin_below_half_the_rate(rate_hz: int, bands: int) -> None:
    assert contrast_bands(rate_hz) == bands


def test_modulation_has_the_octaves_that_the_frame_rate_carries() -> None:
    assert modulation_edges_hz(100.0) == [1, 2, 4, 8, 16, 32, 64]
    assert modulation_edges_hz(10.0) == [1, 2, 4, 8]
