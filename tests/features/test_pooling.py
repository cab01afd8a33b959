import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.features.columns import STATISTICS
from auricle.features.pooling import part_of, pool, trim_silence
from auricle.features.spec import FeatureSpec


def expected(frames: np.ndarray, statistic: str, spec: FeatureSpec) -> np.ndarray:
    if statistic == "slope":
        if frames.shape[1] == 1:
            return np.zeros(len(frames))
        time_s = np.arange(frames.shape[1]) * spec.hop / spec.rate_hz
        return np.polyfit(time_s, frames.T, 1)[0]
    if statistic.startswith("p"):
        return np.percentile(frames, int(statistic[1:]), axis=1)
    return getattr(np, statistic)(frames, axis=1)


@given(n_frames=st.integers(1, 400), first=st.integers(0, 20), seed=st.integers(0, 99))
def test_statistics_equal_numpy(n_frames: int, first: int, seed: int) -> None:
    spec = FeatureSpec(statistics=STATISTICS)
    values = np.random.default_rng(seed).normal(3, 2, (5, 420)).astype(np.float32)
    row = pool(values, slice(first, first + n_frames), spec)
    frames = values[:, first : first + n_frames].astype(np.float64)
    for place, statistic in enumerate(STATISTICS):
        ours = row[place * 5 : (place + 1) * 5]
        np.testing.assert_allclose(ours, expected(frames, statistic, spec), rtol=1e-4, atol=2e-5, err_msg=statistic)


def test_parts_follow_the_whole(rng: np.random.Generator) -> None:
    spec = FeatureSpec(statistics=("max", "mean"), parts=3, part_statistics=("mean",))
    values = rng.standard_normal((4, 32)).astype(np.float32)
    row = pool(values, slice(1, 31), spec)
    assert row.shape == (4 * (2 + 3),)
    np.testing.assert_allclose(row[:4], values[:, 1:31].max(axis=1))
    for part in range(3):
        frames = values[:, 1 + 10 * part : 11 + 10 * part]
        np.testing.assert_allclose(row[8 + 4 * part : 12 + 4 * part], frames.mean(axis=1), atol=1e-6)


def test_rise_is_the_mean_of_a_part_minus_that_of_the_window(rng: np.random.Generator) -> None:
    values = rng.standard_normal((4, 32)).astype(np.float32)
    plain, rising = (
        FeatureSpec(statistics=("p50",), parts=3, part_statistics=(name, "std")) for name in ("mean", "rise")
    )
    means, rises = (pool(values, slice(1, 31), spec).reshape(7, 4) for spec in (plain, rising))
    np.testing.assert_allclose(rises[1::2], means[1::2] - values[:, 1:31].mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(rises[::2], means[::2])
    louder = pool(values + np.float32(3.0), slice(1, 31), rising).reshape(7, 4)
    np.testing.assert_allclose(louder[1::2], rises[1::2], atol=1e-5)


@given(n_frames=st.integers(1, 60), parts=st.integers(1, 64), first=st.integers(0, 9))
def test_parts_cover_the_frames_without_empty_parts(n_frames: int, parts: int, first: int) -> None:
    frames = slice(first, first + n_frames)
    stretches = [part_of(frames, parts, part) for part in range(parts)]
    assert stretches[0].start == first
    assert stretches[-1].stop == first + n_frames
    assert all(stretch.stop > stretch.start for stretch in stretches)
    covered = {frame for stretch in stretches for frame in range(stretch.start, stretch.stop)}
    assert covered == set(range(first, frames.stop))


@pytest.mark.parametrize(
    ("energy", "frames"),
    [
        ([0, 0, 1, 0.5, 0, 1e-2, 0], slice(2, 6)),
        ([1, 1, 1], slice(0, 3)),
        ([0, 0], slice(0, 2)),
        ([1e-4, 1], slice(1, 2)),
    ],
)
def test_trim_silence_keeps_first_to_last_loud_frame(energy: list[float], frames: slice) -> None:
    assert trim_silence(np.array(energy, np.float32), 30.0) == frames
