"""What a network listened to: for a few recordings, where in the image its answer hangs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.graph import Graph
from auricle.datasets.feature_table import windows_of
from auricle.features.image import Image
from auricle.features.occlusion import explain_image
from auricle.features.pipeline import IMAGE
from auricle.features.plots import draw_explained
from auricle.reports.html import Block, Text, picture

if TYPE_CHECKING:
    from auricle.training.result import TrainResult

__all__ = ["attribution"]

N_SHOWN = 3


def attribution(result: "TrainResult") -> Iterator[Block]:
    """Show, for a recording of each of a few classes or numbers, what the answer to its first window hangs on.

    Parts of the image are filled with quiet, and the answer is asked for again.
    """
    features, graph = result.bundle.features(), Graph(result.bundle.graph)
    image = next(block for block in features.blocks if isinstance(block, Image))
    first = features.first_column(IMAGE)
    place = slice(first, first + len(image.columns))
    yield Text(
        "Above, what the network was given; below, what its answer to that window loses where a part of it is hidden. "
        "A model that listens to the sound itself loses most there, and not in the silence around it."
    )
    for index in _shown(result):
        example = result.dataset.examples[index]
        window = windows_of(example, features)[0]
        row = features.row(window.samples)

        def answer(hidden: NDArray[np.float32], row: NDArray[np.float32] = row) -> NDArray[np.float32]:
            changed = row.copy()
            changed[place] = hidden.ravel()
            return np.asarray(graph.predict(changed[np.newaxis])[0])

        seen = row[place].reshape(image.shape)
        figure = draw_explained(
            seen,
            explain_image(answer, seen),
            image.spec,
            source=example.file.name,
            answer=_said(result, answer(seen)),
            unit="probability" if result.dataset.classes else "deviations",
            start_s=window.start_s,
        )
        yield picture(figure, f"what the answer to {example.file.name} hangs on", image_format="png")


def _shown(result: "TrainResult") -> list[int]:
    """Return recordings of different classes, those answered most surely; or of different numbers."""
    if not result.dataset.classes:
        order = np.argsort(result.dataset.targets, kind="stable")
        return [int(order[i]) for i in np.linspace(0, len(order) - 1, N_SHOWN).round().astype(int)]
    truth = np.searchsorted(result.dataset.classes, result.dataset.labels)
    sure = result.found.out_of_fold[np.arange(len(truth)), truth]
    best = [int(np.argmax(np.where(truth == label, sure, -1.0))) for label in np.unique(truth)]
    return sorted(best, key=lambda index: -sure[index])[:N_SHOWN]


def _said(result: "TrainResult", answer: NDArray[np.float32]) -> str:
    manifest = result.bundle.manifest
    if manifest.target is not None:
        return f"{manifest.target.mean + manifest.target.deviation * float(answer[0]):.4g}"
    best = int(np.argmax(answer))
    return f"{manifest.classes[best]} ({answer[best]:.2f})"
