import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.clip import Clip
from auricle.errors import FeatureError
from auricle.features.columns import FEATURES, STATISTICS
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, default_spec, standard_spec

EVERYTHING = {"features": tuple(FEATURES), "statistics": STATISTICS, "parts": 3}


def test_row_is_complete_and_finite(rng: np.random.Generator) -> None:
    extractor = Extractor(FeatureSpec(**EVERYTHING, trim_db=40))
    loudest = 0.99e10 * rng.standard_normal(5000).clip(-1, 1)
    for samples in (rng.standard_normal(30_000), np.zeros(2048), np.ones(4096), 1e-30 * np.ones(4096), loudest):
        row = extractor.row(samples)
        assert row.shape == (len(extractor.columns),)
        assert row.dtype == np.float32
        assert np.isfinite(row).all()


@given(n_samples=st.integers(2048, 12_000), start=st.integers(0, 5000), seed=st.integers(0, 9))
@settings(max_examples=30)
def test_row_depends_only_on_the_samples_of_its_window(n_samples: int, start: int, seed: int) -> None:
    extractor = Extractor(FeatureSpec(**EVERYTHING))
    sound = np.random.default_rng(seed).standard_normal(20_000).astype(np.float32)
    extractor.row(np.random.default_rng(seed + 1).standard_normal(30_000))  # leaves its traces in the workspace
    window = sound[start : start + n_samples]
    assert np.array_equal(extractor.row(window), Extractor(FeatureSpec(**EVERYTHING)).row(window.copy()))


def test_rows_equal_those_of_the_windows(rng: np.random.Generator) -> None:
    extractor = Extractor(FeatureSpec(window_s=1.0, window_hop_s=0.5))
    clip = Clip(rng.standard_normal(100_000).astype(np.float32), 22_050)
    rows = extractor.rows([clip, clip])
    alone = [extractor.row(window.samples) for window in extractor.windows(clip)]
    assert np.array_equal(rows, np.stack(alone + alone))


def test_clips_of_another_rate_are_resampled(rng: np.random.Generator) -> None:
    extractor = Extractor(standard_spec(16_000))
    clip = Clip(rng.standard_normal(44_100).astype(np.float32), 44_100)
    (window,) = extractor.windows(clip)
    assert (window.rate_hz, window.samples.size) == (16_000, 16_000)
    assert np.array_equal(extractor.rows([clip])[0], extractor.row(window.samples))


def test_threads_never_change_a_bit(rng: np.random.Generator) -> None:
    extractors = [Extractor(default_spec(rate_hz)) for rate_hz in (8000, 22_050, 48_000)]
    sounds = [rng.standard_normal(20_000).astype(np.float32) for _ in range(8)]
    work = [(extractor, sound) for sound in sounds for extractor in extractors] * 3
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: pair[0].row(pair[1]), work))
    for row, (extractor, sound) in zip(together, work, strict=True):
        assert np.array_equal(row, extractor.row(sound))
    clips = [Clip(sound, 22_050) for sound in sounds]
    assert np.array_equal(extractors[1].rows(clips, workers=1), extractors[1].rows(clips, workers=3))


def test_extractor_pickles(rng: np.random.Generator) -> None:
    extractor = Extractor(standard_spec(16_000))
    again = pickle.loads(pickle.dumps(extractor))  # noqa: S301
    sound = rng.standard_normal(5000)
    assert np.array_equal(again.row(sound), extractor.row(sound))
    assert "rate_hz=16000" in repr(again)


def test_frame_length_not_a_power_of_two_is_close(rng: np.random.Generator) -> None:
    """Powers of two are transformed in lanes, others by SciPy: a bin more or less must not show."""
    sound = rng.standard_normal(22_050).astype(np.float32)
    settings = {"hop": 512, "features": ("mfcc", "centroid", "flatness", "contrast"), "statistics": ("mean",)}
    lanes, scipy = (Extractor(FeatureSpec(n_fft=n_fft, **settings)).row(sound) for n_fft in (2048, 2047))
    np.testing.assert_allclose(lanes, scipy, rtol=0.02, atol=0.3)


def test_trim_db_drops_silence_at_both_ends(rng: np.random.Generator) -> None:
    sound = rng.standard_normal(20 * 512).astype(np.float32)
    silence = np.zeros(8 * 512, np.float32)
    spec = FeatureSpec(n_fft=512, hop=512, n_mels=40, features=("mel", "modulation"), trim_db=30, parts=2)
    extractor = Extractor(spec)
    padded = extractor.row(np.concatenate([silence, sound, silence, silence]))
    np.testing.assert_allclose(padded, extractor.row(sound), rtol=1e-4, atol=1e-4)


def test_images_have_one_size_and_centre_short_windows() -> None:
    extractor = Extractor(FeatureSpec(window_s=1.0))
    long, short = Clip(np.ones(30_000, np.float32), 22_050), Clip(np.ones(500, np.float32), 22_050)
    images = extractor.images([long, short])
    assert images.shape == (3, 128, 40)
    assert images.dtype == np.float32
    assert images[2, :, 0].max() == -100
    assert images[2, 0, 20] > 0


def test_no_clips_give_no_rows() -> None:
    extractor = Extractor(FeatureSpec())
    assert extractor.rows([]).shape == (0, len(extractor.columns))
    assert extractor.images([]).shape == (0, 128, 0)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(2047), r"at least one frame of 2048 samples .* Got 2047"),
        (np.full(4096, np.nan), r"Every sample must be finite.* Sample 0 \(0\.000 s\) is nan"),
        (np.zeros((2, 4096)), "one channel"),
    ],
)
def test_invalid_window_raises(samples: np.ndarray, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        Extractor(FeatureSpec()).row(samples)


def test_error_names_the_clip() -> None:
    with pytest.raises(FeatureError, match=r"dog\.wav: A window must hold at least one frame"):
        Extractor(FeatureSpec()).rows([Clip(np.ones(100, np.float32), 22_050, source="dog.wav")])


def test_images_of_different_lengths_raise() -> None:
    clips = [Clip(np.ones(n, np.float32), 22_050) for n in (4096, 8192)]
    with pytest.raises(FeatureError, match=r"Images must have one size.* Set `window_s`"):
        Extractor(FeatureSpec()).images(clips)
