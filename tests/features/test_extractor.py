import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.errors import FeatureError
from auricle.features.columns import FEATURES, STATISTICS
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec


def test_a_row_has_every_column_and_every_number_is_finite(rng: np.random.Generator) -> None:
    spec = FeatureSpec(features=tuple(FEATURES), statistics=STATISTICS, parts=3)
    extractor = Extractor(spec)
    for samples in (rng.standard_normal(30_000), np.zeros(2048), np.ones(4096)):
        row = extractor.row(samples)
        assert row.shape == (len(extractor.columns),)
        assert row.dtype == np.float32
        assert np.isfinite(row).all()
    assert len(set(extractor.columns)) == len(extractor.columns)
    assert {"mfcc03_mean", "mel12_p95", "mfcc03_mean_part2"} <= set(extractor.columns)


def test_a_row_depends_on_its_window_alone(rng: np.random.Generator) -> None:
    extractor = Extractor(FeatureSpec(window_s=1.0, window_hop_s=0.5))
    clip = Clip(rng.standard_normal(100_000).astype(np.float32), 22_050)
    rows = extractor.rows([clip])
    alone = [extractor.row(window.samples) for window in extractor.windows(clip)]
    assert np.array_equal(rows, np.stack(alone))


def test_images_have_one_size_and_short_windows_lie_in_the_middle() -> None:
    extractor = Extractor(FeatureSpec(window_s=1.0))
    images = extractor.images([Clip(np.ones(30_000, np.float32), 22_050), Clip(np.ones(5000, np.float32), 22_050)])
    assert images.shape == (3, 128, 40)
    assert images[2, :, 0].max() == -100
    assert images[2, 0, 19] > 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(2047), r"at least one frame of 2048 samples .* Got 2047"),
        (np.full(4096, np.nan), "Every sample must be finite. Sample 0 .0.000 s. is nan"),
        (np.zeros((2, 4096)), "one channel"),
    ],
)
def test_a_window_that_cannot_become_numbers_is_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        Extractor(FeatureSpec()).row(samples)
