"""Attribution: occlusion maps of a network's predictions for a few training recordings, as blocks of the report."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.graph import Graph
from auricle.datasets.feature_table import windows_of
from auricle.features.image import Image
from auricle.features.occlusion import explain_image
from auricle.features.pipeline import IMAGE
from auricle.features.plots import draw_saliency
from auricle.reports.html import Block, Text, picture
from auricle.training.result import TrainResult

__all__ = ["attribution"]

N_SHOWN = 3


def attribution(result: TrainResult) -> Iterator[Block]:
    """Yield an occlusion map of the first window of a recording of each of a few classes or numbers."""
    pipeline, graph = result.bundle.features(), Graph(result.bundle.graph)
    image = next(block for block in pipeline.blocks if isinstance(block, Image))
    first = pipeline.first_column(IMAGE)
    columns = slice(first, first + len(image.columns))
    yield Text(
        "Above, the image of a window; below, how far the prediction falls where a part of the image is hidden. A "
        "model that uses the sound itself loses most there, and not in the silence around it."
    )
    for index in _recordings_to_show(result):
        example = result.dataset.examples[index]
        window = windows_of(example, pipeline)[0]
        row = pipeline.row(window.samples)

        def predict(pixels: NDArray[np.float32], row: NDArray[np.float32] = row) -> NDArray[np.float32]:
            changed = row.copy()
            changed[columns] = pixels.ravel()
            return np.asarray(graph.predict(changed[np.newaxis])[0])

        pixels = row[columns].reshape(image.shape)
        figure = draw_saliency(
            pixels,
            explain_image(predict, pixels),
            image.spec,
            source=example.file.name,
            prediction=_prediction_text(result, predict(pixels)),
            unit="probability" if result.dataset.classes else "deviations",
            start_s=window.start_s,
        )
        yield picture(figure, f"occlusion map of {example.file.name}", image_format="png")


def _recordings_to_show(result: TrainResult) -> list[int]:
    """Return the most confident recordings of different classes, or recordings spread over the numbers."""
    if not result.dataset.classes:
        order = np.argsort(result.dataset.targets, kind="stable")
        return [int(order[i]) for i in np.linspace(0, len(order) - 1, N_SHOWN).round().astype(int)]
    truth = np.searchsorted(result.dataset.classes, result.dataset.labels)
    confidence = result.search.out_of_fold[np.arange(len(truth)), truth]
    best = [int(np.argmax(np.where(truth == label, confidence, -1.0))) for label in np.unique(truth)]
    return sorted(best, key=lambda index: -confidence[index])[:N_SHOWN]


def _prediction_text(result: TrainResult, prediction: NDArray[np.float32]) -> str:
    manifest = result.bundle.manifest
    if manifest.target is not None:
        return f"{manifest.target.mean + manifest.target.deviation * float(prediction[0]):.4g}"
    best = int(np.argmax(prediction))
    return f"{manifest.classes[best]} ({prediction[best]:.2f})"
