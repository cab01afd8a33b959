import pytest

from auricle.features.columns import FEATURES, UNPOOLED
from auricle.features.plan import plan_of
from auricle.features.spec import FeatureSpec
from auricle.kernels.frames import Rows


def test_what_was_asked_for_comes_first_and_in_order() -> None:
    plan = plan_of(FeatureSpec(), ("flux", "mfcc_delta"))
    assert plan.n_wanted == 1 + 20
    assert plan.n_rows == 1 + 20 + 128 + 20
    assert plan.first_row == {"flux": 0, "mfcc_delta": 1, "mel": 21, "mfcc": 149}


def test_what_nobody_asked_for_is_not_computed() -> None:
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
