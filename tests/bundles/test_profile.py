from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auricle.bundles.profile import (
    OTHER_VALUES,
    QUALITY_COLUMNS,
    Profile,
    decode_metadata,
    encode_metadata,
    metadata_columns,
    quality_row,
)
from auricle.errors import BundleError
from auricle.records import Quality


@pytest.fixture
def profile() -> Profile:
    n, chosen = 4, np.array([0, 2])
    return Profile(
        hashes=np.arange(n * 32, dtype=np.uint8).reshape(n, 32),
        groups=np.array(["a", "b", "a", "b"]),
        truth=np.array(["dog", "dog", "cat", "cat"]),
        chosen=chosen,
        rows=np.zeros((2, 5), np.float32),
        quality=np.zeros((2, len(QUALITY_COLUMNS)), np.float32),
        answers=np.full((2, 2), 0.5, np.float32),
        novelty=np.array([0.2, 0.8], np.float32),
    )


def test_labels_and_groups_of_the_sampled_recordings(profile: Profile) -> None:
    assert profile.chosen_truth.tolist() == ["dog", "cat"]
    assert profile.chosen_groups.tolist() == ["a", "a"]


@pytest.mark.parametrize("name", Profile.arrays())
@pytest.mark.parametrize("change", ["one less", "one more", "no length"])
def test_lengths_must_agree(profile: Profile, name: str, change: str) -> None:
    array = getattr(profile, name)
    wrong: dict[str, Any] = {
        "one less": array[:-1],
        "one more": np.concatenate([array, array[:1]]),
        "no length": array.ravel()[0:1].reshape(()),
    }
    with pytest.raises(BundleError, match="A profile's arrays must describe the same"):
        replace(profile, **{name: wrong[change]})


@pytest.mark.parametrize("chosen", [[0, 4], [-1, 0]])
def test_sampled_indices_must_be_in_range(profile: Profile, chosen: list[int]) -> None:
    with pytest.raises(BundleError, match="must describe the same recordings"):
        replace(profile, chosen=np.array(chosen))


def test_a_quality_row_has_the_measures_in_the_order_of_the_columns() -> None:
    values = dict.fromkeys(QUALITY_COLUMNS, 0.0) | {"level_db": -20.0, "bandwidth_hz": 4000.0}
    row = quality_row(Quality(**values))
    assert row.dtype == np.float32
    assert dict(zip(QUALITY_COLUMNS, row.tolist(), strict=True)) == values


def test_a_trained_profile_is_out_of_fold(trained_on_states) -> None:
    profile, data = trained_on_states.bundle.profile, trained_on_states.dataset
    assert len(profile.hashes) == len(data)
    assert profile.chosen_groups.tolist() == data.groups.tolist()
    assert profile.chosen_truth.tolist() == data.labels.tolist()
    assert profile.rows.shape == (len(data), len(trained_on_states.bundle.manifest.standard.columns))
    assert np.isfinite(profile.rows).all()
    np.testing.assert_allclose(profile.answers.sum(axis=1), 1, atol=1e-6)


def test_profiled_novelty_exceeds_its_threshold_in_at_most_5_percent(trained_on_states) -> None:
    profile, novelty = trained_on_states.bundle.profile, trained_on_states.bundle.novelty
    assert profile.novelty.shape == profile.chosen.shape
    assert np.mean(profile.novelty > novelty.thresholds[1]) <= 0.05


def test_metadata_is_a_column_for_each_name_with_a_value_for_each_recording(profile: Profile) -> None:
    found = metadata_columns([{"site": "north", "gain": "3"}, {"site": "süd"}])
    assert {name: column.tolist() for name, column in found.items()} == {"site": ["north", "süd"], "gain": ["3", ""]}
    assert replace(profile, metadata=found).metadata is found
    with pytest.raises(BundleError, match="must describe the same recordings"):
        replace(profile, metadata={"site": np.array(["a", "b", "c"])})


def test_metadata_is_bounded_and_the_rarest_values_are_others() -> None:
    rows = [{"id": f"{index}", "odd": "x" * 1000, "even": str(index % 2)} for index in range(300)]
    rows += [{"id": "often"}] * 2 + [{f"column{index}": "" for index in range(100)}]
    found = metadata_columns(rows)
    assert len(found) == 64
    assert len(set(found["id"])) == 257
    assert OTHER_VALUES in found["id"]
    assert "often" in found["id"]
    assert max(map(len, found["odd"])) == 255


def test_metadata_is_the_same_after_a_round_trip() -> None:
    columns = metadata_columns([{"site": "a\n", "°": '"'}, {"site": ""}, {"site": "a\n"}])
    found = decode_metadata(encode_metadata(columns))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in columns.items()
    }


@pytest.mark.parametrize(
    "content",
    [b"x", b"[]", b'{"a": 1}', b'{"a": {"values": ["b"]}}', b'{"a": {"values": ["b"], "codes": [1]}}',
     b'{"a": {"values": ["b"], "codes": [[0]]}}', b'{"a": {"values": ["b"], "codes": "0"}}', b"[" * 100_000],
)  # fmt: skip
def test_other_metadata_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="A profile's metadata must be"):
        decode_metadata(content)
