import numpy as np
import pytest

from auricle.features.analysis import delta_weights, group_of, plan_of, values_of
from auricle.features.columns import FEATURES, UNPOOLED
from auricle.features.spec import FeatureSpec
from auricle.kernels.frames import Rows

GROUPS = tuple(group for group in FEATURES if group not in UNPOOLED)


@pytest.mark.parametrize("group", GROUPS)
def test_group_values_do_not_depend_on_other_groups(group: str, rng: np.random.Generator) -> None:
    spec = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40)
    sound = rng.standard_normal(5000).astype(np.float32)
    together, n_frames = values_of(sound, plan_of(spec, GROUPS))
    first = sum(len(FEATURES[other](spec)) for other in GROUPS[: GROUPS.index(group)])
    alone = group_of(sound, spec, group)
    assert np.array_equal(alone, together[first : first + alone.shape[1], :n_frames].T)


def test_alternating_specs_keep_their_values(rng: np.random.Generator) -> None:
    sound = rng.standard_normal(9000).astype(np.float32)
    specs = [FeatureSpec(n_fft=n_fft, hop=hop, n_mels=20) for n_fft in (512, 1000, 2048) for hop in (100, 512, 3000)]
    once = [group_of(sound, spec, "mel") for spec in specs]
    assert all(np.array_equal(group_of(sound, spec, "mel"), kept) for spec, kept in zip(specs, once, strict=True))


@pytest.mark.parametrize(("n_frames", "span"), [(1, 1), (2, 1), (3, 3), (4, 3), (8, 7), (9, 9), (10, 9), (1000, 9)])
def test_deltas_use_the_longest_odd_span_that_fits(n_frames: int, span: int) -> None:
    assert delta_weights(n_frames).shape == (2, span)


def test_requested_groups_come_first_in_order() -> None:
    plan = plan_of(FeatureSpec(), ("flux", "mfcc_delta"))
    assert plan.n_wanted == 1 + 20
    assert plan.n_rows == 1 + 20 + 128 + 20
    assert plan.first_row == {"flux": 0, "mfcc_delta": 1, "mel": 21, "mfcc": 149}


def test_unneeded_groups_are_not_computed() -> None:
    rows = plan_of(FeatureSpec(), ("mel",)).rows
    assert rows == Rows(**(dict.fromkeys(Rows._fields, -1) | {"mel": 0}))


@pytest.mark.parametrize("group", sorted(set(FEATURES) - UNPOOLED))
def test_every_group_has_a_row_of_its_own(group: str) -> None:
    plan = plan_of(FeatureSpec(), (group,), ("energy", "mel"))
    assert plan.first_row[group] == 0
    assert {"energy", "mel"} <= set(plan.first_row)
    taken = [row for row in plan.rows if row >= 0]
    assert len(set(taken)) == len(taken)
    assert max(taken) < plan.n_rows


def test_powers_of_two_are_transformed_in_lanes() -> None:
    def in_lanes(n_fft: int) -> bool:
        spec = FeatureSpec(n_fft=n_fft, hop=n_fft, n_mels=1, n_mfcc=1)
        return plan_of(spec, ("rms",)).in_lanes

    assert [in_lanes(n_fft) for n_fft in (4, 8, 400, 512, 16_384)] == [False, True, False, True, True]
