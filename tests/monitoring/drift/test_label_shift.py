"""Label shift: missing classes, misclassification, and grouped recordings."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.drift.label_shift import label_shift
from auricle.monitoring.drift.resampling import permutation_masks


def from_sources(sample, n_each):
    """Return the sample with ``n_each`` groups per class."""
    start = sample.ids[0].split("-")[0]
    place = np.zeros(len(sample), int)
    for label in sample.classes:
        place[sample.truth == label] = np.arange((sample.truth == label).sum()) % n_each[label]
    return replace(sample, groups=np.array([f"{start}-{t}-{i}" for t, i in zip(sample.truth, place, strict=True)]))


def drift(reference, window, n_shuffles=499):
    return label_shift(
        reference, window, permutation_masks(len(reference), len(window), n_shuffles=n_shuffles, seed=0), seed=0
    )


def test_missing_class_is_detected(make_sample):
    window = make_sample(300, 1)
    found = drift(make_sample(200), window.subset(window.truth != "cow"))
    assert found.p <= 0.005
    assert found.drifted(0.005)
    cow = next(one for one in found.shares if one.label == "cow")
    assert cow.p <= 0.005
    assert cow.after < 0.3 * cow.before


def test_false_alarm_rate_of_label_shift(make_sample):
    moved = sum(drift(make_sample(150, 2 * i), make_sample(80, 2 * i + 1), 199).drifted(0.05) for i in range(20))
    assert moved <= 3


def test_shares_are_those_of_predictions(make_sample):
    reference, window = make_sample(200), make_sample(100, 1)
    found = drift(reference, window, 19)
    assert sum(one.before for one in found.shares) == pytest.approx(1)
    np.testing.assert_allclose([one.after for one in found.shares], np.bincount(window.predicted, minlength=3) / 100)


def test_misclassification_does_not_hide_a_missing_class(make_sample):
    """Predictions of 'cow' fall to the rate of misclassification, its maximum-likelihood share to zero."""
    window = make_sample(400, 1)
    found = drift(make_sample(200), window.subset(window.truth != "cow"))
    cow = next(one for one in found.shares if one.label == "cow")
    assert cow.likely_before == pytest.approx(1 / 3, abs=0.1)
    assert cow.after > 0.03
    assert cow.likely_after <= 0.01


def test_confident_error_does_not_hide_a_missing_class(make_sample):
    window = make_sample(300, 1)
    window = window.subset(window.truth != "cow")
    probabilities = window.outputs.copy()
    probabilities[0] = [0.0, 1.0, 0.0]
    found = drift(make_sample(200), replace(window, outputs=probabilities))
    assert next(one for one in found.shares if one.label == "cow").likely_after < 0.02


def test_class_with_few_groups_does_not_hide_another(make_sample):
    """Chance variation of a class with few groups must not hide the change of another."""
    n_each = {"cat": 3, "cow": 60, "dog": 60}
    reference, window = (from_sources(make_sample(300, i), n_each) for i in (0, 1))
    found = drift(reference, window.subset(window.truth != "cow"), 999)
    p = {one.label: one.p for one in found.shares}
    assert p["cow"] <= 0.002
    assert p["cat"] > 0.05


def test_groups_of_one_class_raise_no_false_alarm(make_sample):
    """The sources are all of one kind, and which of them a window hears is chance, as are its shares."""
    moved = apart = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        whole = make_sample(600, seed)
        whole = replace(whole, groups=np.char.add(whole.truth, (np.arange(600) % 17).astype(str)))
        live = np.isin(whole.groups, rng.permutation(np.unique(whole.groups))[:25])
        found = drift(whole.subset(~live), whole.subset(live), 199)
        moved += found.drifted(0.05)
        alone = replace(whole, groups=whole.ids)
        apart += drift(alone.subset(~live), alone.subset(live), 199).p <= 0.05
    assert apart > 5
    assert moved <= 4


def test_groups_of_one_class_are_pooled(make_sample):
    """One of five predictions is wrong: alone these hide a missing class, pooled by group they do not."""

    def slipping(seed, n_sources):
        rng, sample = np.random.default_rng(seed), make_sample(5 * n_sources, seed)
        truth = np.repeat(rng.integers(0, 3, n_sources), 5)
        predicted = truth.copy()
        predicted[::5] = (truth[::5] + rng.integers(1, 3, n_sources)) % 3
        probabilities = np.where(np.eye(3, dtype=bool)[predicted], 0.8, 0.1).astype(np.float32)
        groups = np.array([f"{seed}-{i // 5}" for i in range(5 * n_sources)])
        return replace(sample, truth=np.array(sample.classes)[truth], outputs=probabilities, groups=groups)

    found = 0
    for seed in range(0, 16, 2):
        window = slipping(seed + 1, 42)
        shares = drift(slipping(seed, 30), window.subset(window.truth != "cow"), 999).shares
        found += next(one.p for one in shares if one.label == "cow") <= 0.002
    assert found >= 5
