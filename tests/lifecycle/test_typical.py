"""The recordings that went farthest the way of all are typical of what has changed."""

from dataclasses import replace

import numpy as np

from auricle.lifecycle.typical import typical
from auricle.monitoring.sample import Sample, reference_of
from auricle.prediction.predictor import Predictor


def moved(sample: Sample, amounts: np.ndarray) -> Sample:
    spread = sample.rows.std(axis=0)
    return replace(sample, rows=(sample.rows + np.outer(amounts, spread)).astype(np.float32))


def test_who_went_farther_scores_higher(champion: Predictor) -> None:
    reference = reference_of(champion.bundle)
    amounts = np.linspace(0.0, 3.0, len(reference))
    scores = typical(reference, moved(reference, amounts))
    found = np.array([scores[identity] for identity in reference.ids.tolist()])
    assert np.corrcoef(found, amounts)[0, 1] > 0.8


def test_one_broken_recording_does_not_set_the_way(champion: Predictor) -> None:
    reference = reference_of(champion.bundle)
    amounts = np.full(len(reference), 1.0)
    window = moved(reference, amounts)
    window.rows[0] = -1e6
    scores = list(typical(reference, window).values())
    assert scores[0] < np.median(scores)


def test_nothing_moved_is_no_direction(champion: Predictor) -> None:
    reference = reference_of(champion.bundle)
    same = replace(reference, rows=np.repeat(reference.rows.mean(axis=0, keepdims=True), len(reference), axis=0))
    assert all(np.isfinite(score) for score in typical(reference, same).values())
