"""What is told of a network while it learns: how far it is, its loss, and its score where it is watched."""

from collections.abc import Callable

from auricle.datasets.examples import Progress
from auricle.models.cnn.settings import Epoch

__all__ = ["epochs_told"]


def epochs_told(progress: Progress, name: str) -> Callable[[Epoch], None]:
    """Return what tells of every epoch of a network of that name; of several side by side, in turns."""

    def tell(epoch: Epoch) -> None:
        score = "" if epoch.score is None else f", score {epoch.score:.3f}"
        progress("epochs", epoch.number, epoch.of, f"{name}: loss {epoch.loss:.3f}{score}")

    return tell
