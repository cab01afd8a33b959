"""A key that mislabels: however many of the labels are its own, no worse model is promoted by them."""

from typing import Any

import numpy as np
import pytest

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.lifecycle.retrain import retrain
from auricle.prediction.predictor import Predictor
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store


@pytest.mark.slow
@pytest.mark.parametrize(("every", "outcome"), [(2, "kept"), (6, "promoted")])
def test_wrong_labels_of_one_key_promote_no_worse_model(
    every: int, outcome: str, store: Store, pumps: Dataset, champion: Predictor, logged: tuple[Any, ...]
) -> None:
    rng, classes = np.random.default_rng(3), champion.classes
    with store.writer() as writer:
        for future in [writer.submit(one.entry, sound=one.flac) for one in logged]:
            future.result()
    said = []
    for place, one in enumerate(logged):
        is_liz = place // 6 % every == 1  # a half dozen in two or six; in the others, six keys give one label each
        lies = is_liz and rng.random() < 0.3
        wrong = classes[(classes.index(one.label) + int(rng.integers(1, len(classes)))) % len(classes)]
        said.append(FeedbackEntry(one.entry.id, label=wrong if lies else one.label, key="liz" if is_liz else one.key))
    n_others = sum(one.key != "liz" for one in said)
    assert n_others == len(said) - len(said) / every
    list(store.feedback.add_all(said))
    found = retrain(store, pumps)
    assert found.labels["given"] == len(logged)
    assert found.labels["learned"] + found.labels["kept"] <= 1.25 * n_others  # a fifth is hers
    assert found.outcome == outcome
    digest = store.aliases.digest("pumps")
    assert digest is not None
    assert _right(Bundle.from_bytes(store.models.content(digest)), logged) >= _right(champion.bundle, logged)


def _right(bundle: Bundle, logged: tuple[Any, ...]) -> float:
    from auricle.audio.decode import read

    predictor = Predictor(bundle)
    return float(np.mean([predictor.predict(read(one.flac)).label == one.label for one in logged]))
