import sys

import numpy as np
import pytest

from auricle.errors import UsageError
from auricle.monitoring import concept
from auricle.monitoring.concept import concept_drift

pytest.importorskip("river")


def errors(rate, n, seed=0):
    return (np.random.default_rng(seed).random(n) < rate).astype(float)


def none(n):
    return np.full(n, np.datetime64("NaT", "us"))


def test_a_rise_is_found_and_dated():
    stream = np.concatenate([errors(0.1, 300), errors(0.35, 400, 1)])
    times = np.datetime64("2026-03-01", "us") + np.arange(700) * np.timedelta64(1, "h")
    found = concept_drift(errors(0.1, 500, 2), stream, times)
    assert found.is_found
    assert 300 < found.label <= 500
    assert found.at is not None
    assert found.after > found.before
    assert found.as_json()["at"].startswith("2026-03-")


def test_a_model_that_is_worse_from_the_first_label_on_is_found():
    assert concept_drift(errors(0.1, 800), errors(0.35, 300, 1), none(300)).label <= 200


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_no_change_is_no_drift(rate):
    assert not concept_drift(errors(rate, 800), errors(rate, 3000, 1), none(3000)).is_found


def test_getting_better_is_no_drift():
    stream = np.concatenate([errors(0.4, 600), errors(0.05, 900, 1)])
    assert not concept_drift(errors(0.4, 500, 2), stream, none(1500)).is_found


def test_losses_of_any_size_are_watched(rng):
    usual, worse = np.abs(rng.normal(size=500)) * 40, np.abs(rng.normal(size=400)) * 120
    assert concept_drift(usual, worse, none(400)).is_found
    assert not concept_drift(usual, usual[::-1], none(500)).is_found


def test_without_river_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "river", None)
    with pytest.raises(UsageError, match=r"needs the extra `monitor`: pip install 'auricle\[monitor\]'"):
        concept_drift(errors(0.1, 9), errors(0.1, 9), none(9))


def test_a_fifth_of_the_labels_that_changed_is_found_within_five_hundred():
    found = 0
    for seed in range(20):
        usual, rng = errors(0.14, 900, seed), np.random.default_rng(100 + seed)
        turned = np.where(rng.random(500) < 0.2, rng.random(500) < 5 / 6, errors(0.14, 500, 200 + seed))
        found += concept_drift(usual, turned, none(500)).is_found
    assert found >= 18


def test_the_sum_stays_low_where_errors_are_as_usual():
    seen = [concept._cusum(errors(0.14, 900, seed), errors(0.14, 5000, 100 + seed)) for seed in range(100)]
    assert sum(place is not None for place in seen) <= 1


def test_the_sum_of_nothing_usual_says_nothing():
    assert concept._cusum(errors(0.1, 0), errors(0.5, 100)) is None
