"""Label selection: caps per key, deduplication, held-out groups, and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.lifecycle.label_selection import (
    HELD_OUT_SHARE,
    MAX_SHARE_PER_KEY,
    MIN_WEIGHT,
    age_weights,
    cap_per_key,
    choose_held_out,
    deduplicate,
)
from auricle.lifecycle.promotion import MIN_RECORDINGS

KEYS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=80).map(np.array)


@given(keys=KEYS, trusted=st.sets(st.sampled_from("abcdefgh"), max_size=2))
def test_no_key_exceeds_its_share_of_used_labels(keys: np.ndarray, trusted: set[str]) -> None:
    used = cap_per_key(keys, trusted)
    for key in set(keys):
        n = int(used[keys == key].sum())
        if key in trusted:
            assert n == (keys == key).sum()
        else:
            assert n <= MAX_SHARE_PER_KEY * used.sum() + 1e-9
            assert used[keys == key][len(used[keys == key]) - n :].all()  # its newest


@given(keys=KEYS)
def test_cap_is_the_largest_valid_one(keys: np.ndarray) -> None:
    names, counts = np.unique(keys, return_counts=True)
    used = cap_per_key(keys, ())
    most = max((int(used[keys == name].sum()) for name in names), default=0)
    for wider in range(most + 1, int(counts.max()) + 1):
        sizes = np.minimum(counts, wider)
        assert sizes.max() > MAX_SHARE_PER_KEY * sizes.sum()


def test_many_labels_of_one_key_are_cut_to_a_fifth() -> None:
    keys = np.array(["flood"] * 1000 + ["a", "b", "c", "d"] * 25)
    used = cap_per_key(keys, ())
    assert used[keys != "flood"].all()
    assert used[keys == "flood"].sum() == 25


def test_single_key_is_used_only_if_trusted() -> None:
    keys = np.array([""] * 100)
    assert not cap_per_key(np.array(["a"] * 100), ()).any()
    assert cap_per_key(keys, {""}).all()


def test_last_label_of_a_sound_counts_unless_labels_disagree() -> None:
    sounds = np.array(["x", "y", "x", None, None, "y"], object)
    assert deduplicate(sounds, np.array(["a", "a", "a", "a", "b", "b"])).tolist() == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert deduplicate(sounds, np.arange(6.0)).tolist() == [False, False, True, True, True, True]


@given(n_groups=st.integers(1, 40), n=st.integers(1, 400), seed=st.integers(0, 99))
def test_held_out_recordings_are_whole_groups_or_the_latest_of_each(n_groups: int, n: int, seed: int) -> None:
    groups = np.array([f"site {i}" for i in np.random.default_rng(seed).integers(n_groups, size=n)])
    kept = choose_held_out(groups, ())
    if kept.by == "by group":
        assert not set(groups[kept.mask]) & set(groups[~kept.mask])
        assert kept.mask.sum() >= MIN_RECORDINGS
        assert choose_held_out(groups[::-1], ()).mask[::-1].tolist() == kept.mask.tolist()
    else:
        for name in set(groups):
            of_group = kept.mask[groups == name]
            assert sorted(of_group) == of_group.tolist()
            assert of_group.sum() == int(len(of_group) * HELD_OUT_SHARE)


def test_held_out_groups_stay_the_same_with_more_labels() -> None:
    groups = np.array([f"site {i % 40}" for i in range(400)])
    first_retraining, later = choose_held_out(groups[:200], ()), choose_held_out(groups, ())
    assert first_retraining.by == later.by == "by group"
    assert later.mask[:200].tolist() == first_retraining.mask.tolist()


def test_trained_group_is_never_held_out() -> None:
    groups = np.array([f"site {i % 40}" for i in range(400)])
    some = set(groups[choose_held_out(groups, ()).mask][:2])
    assert not some & set(groups[choose_held_out(groups, some).mask])


def test_weights_halve_with_age_down_to_a_minimum() -> None:
    now = np.datetime64("2026-03-01T00:00:00", "us")
    times = now - np.array([0, 90, 10_000, -5], "m8[D]")
    assert age_weights(times, now).tolist() == pytest.approx([1.0, 0.5, MIN_WEIGHT, 1.0])
    assert age_weights(np.array(["NaT"], "M8[us]"), now).tolist() == [MIN_WEIGHT]
    assert age_weights(times, now, half_life_days=45).tolist()[1] == pytest.approx(0.25)
