"""A picture of what a model listened to: the log-mel image, and over it where the answer hangs."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auricle.errors import FeatureError
from auricle.features.figure import label_bands
from auricle.features.spec import FeatureSpec

__all__ = ["draw_explained"]

_RANGE_DB = 80.0


def draw_explained(
    image: NDArray[np.float32],
    heard: NDArray[np.float32],
    spec: FeatureSpec,
    *,
    source: str,
    answer: str,
    unit: str = "probability",
    start_s: float = 0.0,
) -> Figure:
    """Draw an image, and over it what :func:`~auricle.features.occlusion.explain_sound` found.

    Parameters
    ----------
    image : float32, shape (bands, frames), in dB, under ``spec``
    heard : float32, same shape: what the answer loses where sound is hidden
    spec : of the image
    source, answer : the sound's name, and what the model said, for the title
    unit : what ``heard`` is counted in
    start_s : where the image begins in its source

    Raises
    ------
    FeatureError : ``heard`` has another shape than ``image``
    """
    if image.shape != heard.shape:
        raise FeatureError(f"`heard` must have the image's shape, {image.shape}. Got {heard.shape}.")
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{Path(source).name}   answered: {answer}", fontsize=11)
    axes = figure.subplots(2, 1, sharex=True)
    first_s = start_s + (spec.n_fft - spec.hop) / 2 / spec.rate_hz
    extent = (first_s, first_s + image.shape[1] * spec.hop / spec.rate_hz, 0.0, float(spec.n_mels))
    peak_db = float(image.max())
    levels = {"vmin": peak_db - _RANGE_DB, "vmax": peak_db}
    reach = max(float(np.abs(heard).max()), 1e-9)
    for axis, colours, title in (
        (axes[0], "magma", "log-mel"),
        (axes[1], "gray", f"what the answer hangs on: {unit} lost where the sound is hidden"),
    ):
        drawn = axis.imshow(
            image, origin="lower", aspect="auto", extent=extent, interpolation="nearest", cmap=colours, **levels
        )
        axis.set(title=title, ylabel="Hz")
        label_bands(axis, spec)
        if axis is axes[0]:
            figure.colorbar(drawn, ax=axis, label="dB", pad=0.01)
    # What matters little is left clear, so that the sound is seen through.
    strength = np.clip(np.abs(heard) / reach, 0.0, 1.0) ** 0.7 * 0.8
    over = axes[1].imshow(
        heard,
        origin="lower",
        aspect="auto",
        extent=extent,
        interpolation="bilinear",
        cmap="RdBu_r",
        vmin=-reach,
        vmax=reach,
        alpha=strength,
    )
    over.set_rasterized(True)
    figure.colorbar(over, ax=axes[1], label=unit, pad=0.01)
    axes[1].set_xlabel("time in s")
    return figure
