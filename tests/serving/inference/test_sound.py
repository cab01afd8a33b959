from collections.abc import Callable

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.records import Entry
from auricle.serving.inference.sound import encode_flac, is_sound_kept
from auricle.serving.settings import Settings


@pytest.mark.parametrize(
    ("keep_audio", "novelty", "duration_s", "is_kept"),
    [
        ("none", 1.4, 1.0, False),
        ("review", 1.4, 2.0, True),
        ("review", 1.4, 2.1, False),
        ("all", 0.1, 2.0, True),
        ("all", 1.4, 2.1, False),
    ],
)
def test_sounds_are_kept_by_setting_novelty_and_duration(
    keep_audio: str,
    novelty: float,
    duration_s: float,
    is_kept: bool,  # noqa: FBT001
    make_entry: Callable[..., Entry],
) -> None:
    settings = Settings.model_validate({"keep_audio": keep_audio, "keep_review_s": 2.0})
    assert (
        is_sound_kept(make_entry(novelty=novelty, unknown=novelty > 1), round(8000 * duration_s), 8000, settings)
        is is_kept
    )


@pytest.mark.parametrize("bits", [16, 20])
def test_flac_is_lossless(bits: int) -> None:
    samples = (np.array([0, 1, -1, 2 ** (bits - 2)]) / 2 ** (bits - 1)).astype(np.float32)
    np.testing.assert_array_equal(read(encode_flac(np.tile(samples, 1000), 8000)).samples, np.tile(samples, 1000))
