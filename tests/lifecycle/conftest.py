"""Models that exist as their answers only: how often each is right is known."""

from collections.abc import Callable

import numpy as np
import pytest

from auricle.lifecycle.meeting import Meeting, Where

CLASSES = np.array(["bark", "hum", "ring", "tick"])


@pytest.fixture
def meet() -> Callable[..., Meeting]:
    """Return a maker of meetings: models that are right with given probabilities, and both with each other's."""

    def make(
        rng: np.random.Generator,
        *,
        where: Where = "hold-out",
        n: int = 160,
        champion: float = 0.8,
        challenger: float = 0.8,
        apart: float = 0.5,
        lies: float = 0.0,
    ) -> Meeting:
        """Draw recordings and answers; `apart` is how far the two are right by separate luck, `lies` labels changed."""
        truth = np.tile(CLASSES, n // CLASSES.size + 1)[:n]
        luck, own = rng.random(n), rng.random((2, n))
        answers = []
        for right, mine in zip((champion, challenger), own, strict=True):
            drawn = np.where(rng.random(n) < apart, mine, luck)
            wrong = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
            answers.append(np.where(drawn < right, truth, wrong))
        changed = CLASSES[(np.searchsorted(CLASSES, truth) + rng.integers(1, 4, n)) % 4]
        told = np.where(rng.random(n) < lies, changed, truth)
        return Meeting(where, told, answers[0], answers[1], np.array([f"machine {i // 4}" for i in range(n)]))

    return make
