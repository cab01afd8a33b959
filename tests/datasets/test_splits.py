from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.splits import Fold, assign, folds_of, hold_out
from auricle.errors import DataError, SplitError, UsageError

Labelled = Callable[..., Dataset]


def dataset(answers: list[str] | list[float], groups: list[str]) -> Dataset:
    classify = isinstance(answers[0], str)
    pairs = zip(answers, groups, strict=True)
    examples = tuple(
        Example(Path(f"{i}.wav"), a if classify else None, None if classify else a, g) for i, (a, g) in enumerate(pairs)
    )
    return Dataset(examples, "classify" if classify else "regress", source="test set")


def balanced(n_groups: int, classes: str = "abc", each: int = 4) -> Dataset:
    """Every group holds every class."""
    pairs = [(label, f"g{g:03d}") for g in range(n_groups) for label in classes for _ in range(each)]
    return dataset([label for label, _ in pairs], [group for _, group in pairs])


@st.composite
def any_dataset(draw: st.DrawFn) -> Dataset:
    n_groups = draw(st.integers(2, 40))
    sizes = draw(st.lists(st.integers(1, 5), min_size=n_groups, max_size=n_groups))
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    if draw(st.booleans()):
        answers: list = draw(st.lists(st.sampled_from("abc"), min_size=len(groups), max_size=len(groups)))
    else:
        answers = draw(st.lists(st.floats(-10, 10), min_size=len(groups), max_size=len(groups)))
    return dataset(answers, groups)


@given(any_dataset(), st.integers(2, 8), st.integers(0, 5))
def test_folds_share_no_group_and_test_every_example_once(data: Dataset, n_folds: int, seed: int) -> None:
    try:
        folds = folds_of(data, n_folds=n_folds, seed=seed)
    except DataError:
        assume(condition=False)
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested) == list(range(len(data)))
    for fold in folds:
        assert not set(data.groups[fold.train]) & set(data.groups[fold.test])
        assert set(fold.train) | set(fold.test) == set(range(len(data)))
        assert set(data.labels[fold.test]) <= set(data.labels[fold.train])
    again = folds_of(data, n_folds=n_folds, seed=seed)
    assert all(np.array_equal(a.test, b.test) for a, b in zip(folds, again, strict=True))


@given(any_dataset(), st.floats(0.05, 0.6), st.integers(0, 5))
def test_a_hold_out_shares_no_group_and_lacks_no_class(data: Dataset, fraction: float, seed: int) -> None:
    try:
        fold = hold_out(data, fraction, seed=seed)
    except DataError:
        assume(condition=False)
    assert not set(data.groups[fold.train]) & set(data.groups[fold.test])
    assert sorted([*fold.train, *fold.test]) == list(range(len(data)))
    assert set(data.labels[fold.test]) == set(data.labels[fold.train]) == set(data.labels)
    assert np.array_equal(hold_out(data, fraction, seed=seed).test, fold.test)


@given(st.integers(0, 20), st.randoms())
def test_the_order_of_the_examples_does_not_matter(seed: int, random: object) -> None:
    data = balanced(20)
    order = np.random.default_rng(random.randrange(1000)).permutation(len(data))
    dealt = assign(data.labels, data.groups, 4, seed)
    assert np.array_equal(assign(data.labels[order], data.groups[order], 4, seed), dealt[order])


def test_different_seeds_give_different_folds() -> None:
    data = balanced(20)
    assert not np.array_equal(assign(data.labels, data.groups, 5, 0), assign(data.labels, data.groups, 5, 1))


def test_every_fold_has_its_share_of_every_class() -> None:
    labels = ["common"] * 400 + ["rare"] * 25
    data = dataset(labels, [f"r{i}" for i in range(len(labels))])
    for fold in folds_of(data):
        assert (data.labels[fold.test] == "rare").sum() == 5
        assert (data.labels[fold.test] == "common").sum() == 80


def test_every_fold_has_its_share_of_the_range() -> None:
    targets = np.random.default_rng(0).permutation(np.arange(200.0))
    data = dataset(targets.tolist(), [f"r{i}" for i in range(200)])
    for fold in folds_of(data):
        assert fold.test.size == 40
        assert abs(data.targets[fold.test].mean() - targets.mean()) < 10
        assert np.ptp(data.targets[fold.test]) > 170


def test_few_groups_are_left_out_one_by_one() -> None:
    data = balanced(6)
    folds = folds_of(data, n_folds=3)
    assert [set(data.groups[fold.test]) for fold in folds] == [{f"g{i:03d}"} for i in range(6)]


def test_published_folds_are_kept(labelled: Labelled) -> None:
    data = labelled(list("abab"), ["w", "x", "y", "z"], folds=["2", "2", "1", "1"])
    assert [fold.test.tolist() for fold in folds_of(data)] == [[2, 3], [0, 1]]


def test_a_hold_out_has_about_its_fraction_of_every_class() -> None:
    labels = ["common"] * 400 + ["rare"] * 25 + ["rarest"] * 2
    data = dataset(labels, [f"r{i}" for i in range(len(labels))])
    held = data.labels[hold_out(data, 0.2).test].tolist()
    assert [held.count(label) for label in ("common", "rare", "rarest")] == [80, 5, 1]


def test_fold_with_a_group_on_both_sides_is_refused() -> None:
    groups = np.array(["a", "b", "b", "c"])
    with pytest.raises(SplitError, match=r"'b' is in both training and test\. Split by a coarser column"):
        Fold(np.array([0, 1]), np.array([2, 3]), groups)
    with pytest.raises(SplitError, match=r"and so are 1 others"):
        Fold(np.array([0, 1]), np.array([0, 2, 3]), groups)
    with pytest.raises(SplitError, match=r"Got 4 and 0"):
        Fold(np.arange(4), np.array([], np.intp), groups)


def test_published_folds_that_split_a_group_are_refused(labelled: Labelled) -> None:
    data = labelled(list("ababab"), ["x", "x", "x", "y", "z", "z"], folds=list("112212"))
    with pytest.raises(SplitError, match=r"'x' is in both"):
        folds_of(data)


@pytest.mark.parametrize(
    ("answers", "groups", "error", "message"),
    [
        ("aab", "xyx", SplitError, r"Of 'b', its only recording is in 'x', by `group` 'site': record more of it"),
        ("aabb", "xyxx", SplitError, r"Of 'b', all 2 of its examples are in 'x'"),
        ("abab", "xxxx", SplitError, r"at least 2 groups. By `group` 'site', all 4 are in 'x'"),
        ("aaaa", "wxyz", DataError, r"test set: there must be at least 2 classes. All examples are 'a'"),
        ([5.0, 5.0], "xy", DataError, r"the targets must differ. All 2 are 5"),
        ([5.0, 6.0], "xx", SplitError, r"at least 2 groups"),
    ],
)
@pytest.mark.parametrize("split", [folds_of, hold_out])
def test_datasets_that_cannot_be_split_are_refused(
    split: Callable[[Dataset], object],
    answers: str | list[float],
    groups: str,
    error: type[DataError],
    message: str,
    labelled: Labelled,
) -> None:
    with pytest.raises(error, match=message):
        split(labelled(list(answers), list(groups)))


def test_unusable_published_folds_are_refused(labelled: Labelled) -> None:
    with pytest.raises(SplitError, match=r"at least 2 folds. All examples are in fold '1'"):
        folds_of(labelled(list("abab"), list("wxyz"), folds=list("1111")))
    with pytest.raises(SplitError, match=r"'a' is only in fold '1'"):
        folds_of(labelled(list("aabb"), list("wxyz"), folds=list("1122")))


def test_settings_out_of_range(labelled: Labelled) -> None:
    data = labelled(list("abab"), list("wxyz"))
    with pytest.raises(UsageError, match=r"`n_folds` must be at least 2. Got 1"):
        folds_of(data, n_folds=1)
    for fraction in (0.0, 1.0, -1.0):
        with pytest.raises(UsageError, match=r"`fraction` must lie between 0 and 1"):
            hold_out(data, fraction)
    with pytest.raises(SplitError, match=r"at least as many groups as folds. Got 4 groups for 5 folds"):
        assign(data.labels, data.groups, 5, 0)


@pytest.mark.recordings
def test_real_sets_split(recordings_dir: Path) -> None:
    fsdd = Dataset.load(recordings_dir / "fsdd", group="speaker")
    assert [fold.test.size for fold in folds_of(fsdd)] == [500] * 6
    cry = Dataset.load(recordings_dir / "cry", group="device")
    assert all(len(set(cry.labels[fold.test])) == 5 for fold in folds_of(cry))


@pytest.mark.parametrize("n_levels", [4, 7, 9, 30])
def test_held_out_targets_differ(n_levels: int) -> None:
    """Of few levels, each a group, a fifth is one: nothing could be scored on it."""
    levels = np.repeat(np.arange(n_levels), 3)
    data = Dataset(
        tuple(Example(Path(f"{i}.wav"), None, float(level), str(level)) for i, level in enumerate(levels)), "regress"
    )
    held_out = data.targets[hold_out(data, seed=1).test]
    assert np.ptp(held_out) > 0
    assert len(set(held_out)) <= max(2, n_levels // 4)
