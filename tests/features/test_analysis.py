import numpy as np
import pytest

from auricle.features.analysis import delta_weights, group_of, values_of
from auricle.features.columns import FEATURES, UNPOOLED
from auricle.features.plan import plan_of
from auricle.features.spec import FeatureSpec

GROUPS = tuple(group for group in FEATURES if group not in UNPOOLED)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_the_same_alone_and_in_company(group: str, rng: np.random.Generator) -> None:
    spec = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40)
    sound = rng.standard_normal(5000).astype(np.float32)
    together, n_frames = values_of(sound, plan_of(spec, GROUPS))
    first = sum(len(FEATURES[other](spec)) for other in GROUPS[: GROUPS.index(group)])
    alone = group_of(sound, spec, group)
    assert np.array_equal(alone, together[first : first + alone.shape[1], :n_frames].T)


def test_many_specs_in_turn_disturb_nothing(rng: np.random.Generator) -> None:
    sound = rng.standard_normal(9000).astype(np.float32)
    specs = [FeatureSpec(n_fft=n_fft, hop=hop, n_mels=20) for n_fft in (512, 1000, 2048) for hop in (100, 512, 3000)]
    once = [group_of(sound, spec, "mel") for spec in specs]
    assert all(np.array_equal(group_of(sound, spec, "mel"), kept) for spec, kept in zip(specs, once, strict=True))


@pytest.mark.parametrize(("n_frames", "span"), [(1, 1), (2, 1), (3, 3), (4, 3), (8, 7), (9, 9), (10, 9), (1000, 9)])
def test_deltas_use_the_longest_odd_span_that_fits(n_frames: int, span: int) -> None:
    assert delta_weights(n_frames).shape == (2, span)
