"""Novelty rate: only a rise is drift."""

from dataclasses import replace

import numpy as np

from auricle.monitoring.drift.novelty_rate import novelty_rate_drift
from auricle.monitoring.drift.resampling import permutation_masks


def drift(reference, window):
    return novelty_rate_drift(reference, window, permutation_masks(len(reference), len(window), n_shuffles=499, seed=0))


def test_only_a_rise_is_drift(make_sample):
    reference, window = make_sample(300), make_sample(200, 1)
    more = drift(reference, replace(window, unknown=np.arange(200) % 8 == 0))
    assert (more.p, more.after) == (1 / 500, 0.125)
    assert more.drifted(0.002)
    assert not drift(reference, replace(window, unknown=np.zeros(200, bool))).drifted(0.05)
    assert not drift(reference, window).drifted(0.05)
